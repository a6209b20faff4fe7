import { join, relative } from "node:path";
import { recordLoad } from "../src/load/record.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import { reportRun } from "../src/report_run.ts";
import { openRun } from "../src/runs/open_run.ts";
import { partProgress } from "../src/stack/progress.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, rewrite, signal, paint, columns }) => {
  let wanted = config.run;
  if (wanted === undefined) {
    const { folder, load, cutOff } = await recordLoad(config, { signal, say, rewrite, onEvent: partProgress(say) });
    const { completed, failed, unfinished, throughputPerSecond } = load;
    const left = unfinished > 0 ? `, ${unfinished} unfinished` : "";
    say(`${completed} completed, ${failed} failed${left}; ${throughputPerSecond.toFixed(2)} a second`);
    if (cutOff) say(`cut off: ${cutOff}`);
    wanted = folder;
  }
  const run = openRun(config.home, wanted);
  const report = await reportRun(run);
  say(`\n${renderTerminal(report, { columns, paint })}`);
  say(`report: ${relative(process.cwd(), join(run.folder, "report.html"))}`);
  return { code: signal.aborted ? EXIT.interrupted : EXIT.ok, json: report };
});
