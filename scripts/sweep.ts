import { renderSweep } from "../src/report/sweep_text.ts";
import { partProgress } from "../src/stack/progress.ts";
import { sweep } from "../src/sweep.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, rewrite, signal, paint }) => {
  const swept = await sweep(config, { signal, say, rewrite, onEvent: partProgress(say) });
  say(`\n${renderSweep(swept.rows, swept, { paint })}`);
  return { code: signal.aborted ? EXIT.interrupted : EXIT.ok, json: swept };
});
