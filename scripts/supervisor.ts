import { loadConfig, readEnvironment } from "../src/config.ts";
import { runSupervisor } from "../src/stack/supervisor.ts";
import { UserError } from "../src/user_error.ts";

// Started by the commands, never by hand; its last line is what they say when it fails.
try {
  await runSupervisor(loadConfig(readEnvironment()));
} catch (error) {
  process.stderr.write(`${error instanceof UserError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 2;
}
