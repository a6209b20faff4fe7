import { join } from "node:path";
import { startCollector } from "../src/collector/collector.ts";
import { readEnvironment } from "../src/settings/environment.ts";
import { outliveOutput } from "../src/settings/runtime.ts";
import { readSettings } from "../src/settings/settings.ts";
import { UserError } from "../src/terminal/user_error.ts";

/** The embedded collector as a process: says "ready" to the parent that forked it, ends on SIGTERM and SIGINT. */
async function main(): Promise<void> {
  const { home, otlpPort, profiling, pyroscopePort } = readSettings(readEnvironment()).stack;
  const profiles = profiling ? { profiles: { port: pyroscopePort } } : {};
  const collector = await startCollector({ folder: join(home, "stack"), port: otlpPort, ...profiles });
  const stop = () => void collector.close();
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  if (process.send)
    process.send("ready", undefined, undefined, () => {}); // a parent that is gone is no reason to stop
  else process.stderr.write(`collector listens on ${collector.url}\n`);
  process.channel?.unref();
}

outliveOutput();
try {
  await main();
} catch (error) {
  process.stderr.write(`error: ${error instanceof UserError ? error.message : (error as Error).stack}\n`);
  process.exitCode = 2;
}
