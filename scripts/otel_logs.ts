import { openStack } from "../src/stack/open_stack.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (settings, { signal }) => {
  const stack = openStack(wantedOf(settings));
  await stack.followLog(signal);
  return { code: EXIT.ok, json: { ok: true, log: stack.logCommand } };
});
