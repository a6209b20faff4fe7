import { partProgress } from "../src/stack/progress.ts";
import { restartCollector } from "../src/stack/stack.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, signal }) => {
  await restartCollector(config, { signal, onEvent: partProgress(say) });
  say("The collector runs with a clean log.");
  return { code: EXIT.ok, json: { ok: true } };
});
