import { OUTCOME_CODE, renderOutcome } from "../src/report/outcome_text.ts";
import { renderSweep } from "../src/report/sweep_text.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { sweep } from "../src/sweep.ts";
import { EXIT, runScript } from "../src/terminal/terminal.ts";

await runScript(async (settings, { say, print, rewrite, signal, paint }) => {
  const swept = await sweep(wantedOf(settings), settings.load, { signal, say, rewrite, onEvent: partProgress(say) });
  say();
  print(renderOutcome(swept, { paint }));
  print(`\n${renderSweep(swept.rows, { paint })}`);
  if (swept.outcome === "failed") print(`\n${paint("bold", swept.advice)}`);
  return { code: signal.aborted ? EXIT.interrupted : OUTCOME_CODE[swept.outcome], json: swept };
});
