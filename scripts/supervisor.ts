import { readEnvironment } from "../src/settings/environment.ts";
import { outliveOutput } from "../src/settings/runtime.ts";
import { readSettings } from "../src/settings/settings.ts";
import { runSupervisor } from "../src/stack/supervisor.ts";
import { UserError } from "../src/terminal/user_error.ts";

// Started by the commands, never by hand; its last line is what they say when it fails.
outliveOutput();
try {
  await runSupervisor(readSettings(readEnvironment()).stack);
} catch (error) {
  const { message, stack } = error as Error;
  process.stderr.write(error instanceof UserError ? `${message}\n` : `${stack}\n${message}\n`);
  process.exit(2); // it may have begun to listen
}
