import { openStack } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (config, { signal }) => {
  const stack = openStack(config);
  await stack.followLog(signal);
  return { code: EXIT.ok, json: { ok: true, log: stack.logCommand } };
});
