import { partProgress } from "../src/stack/progress.ts";
import { openStack } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (config, { say, print, signal }) => {
  await openStack(config).restartCollector({ signal, say, onEvent: partProgress(say) });
  print("The collector runs with a clean log.");
  return { code: EXIT.ok, json: { ok: true } };
});
