import { openStack } from "../src/stack/open_stack.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (settings, { say, print, signal }) => {
  await openStack(wantedOf(settings)).restartCollector({ signal, say, onEvent: partProgress(say) });
  print("The collector runs with a clean log.");
  return { code: EXIT.ok, json: { ok: true } };
});
