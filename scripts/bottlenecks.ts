import { dirname, join, relative } from "node:path";
import { compareRuns } from "../src/analysis/compare_runs.ts";
import { brokenThresholds, judgedAgainst, judgedBy } from "../src/analysis/outcome.ts";
import { recordLoad } from "../src/load/record.ts";
import { renderComparison } from "../src/report/compare_text.ts";
import { OUTCOME_CODE, renderOutcome } from "../src/report/outcome_text.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import { analyzeRun, writeReport } from "../src/report_run.ts";
import { openRun } from "../src/sources/open_run.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, explain, runScript } from "../src/terminal/terminal.ts";
import { visible } from "../src/terminal/visible_text.ts";

await runScript(async (settings, { say, print, rewrite, signal, paint, columns }) => {
  // Before the load, which makes another run the latest.
  const { home, root } = settings.stack;
  const { run: given, against: before, maximum } = settings.report;
  const against = before === undefined ? undefined : openRun(home, before, "AGAINST");
  let recorded: string | undefined;
  if (given === undefined) {
    const { folder, load, cutOff } = await recordLoad(wantedOf(settings), settings.load, {
      signal,
      say,
      rewrite,
      onEvent: partProgress(say),
    });
    const { completed, failed, unfinished, throughputPerSecond } = load;
    const left = unfinished > 0 ? `, ${unfinished} unfinished` : "";
    say(`${completed} completed, ${failed} failed${left}; ${throughputPerSecond.toFixed(2)} a second`);
    if (cutOff) say(`cut off: ${visible(cutOff)}`);
    recorded = folder;
  }
  // Another home where the disk is full.
  const run = recorded ? openRun(dirname(dirname(recorded)), recorded) : openRun(home, given!, "RUN");
  const analyzed = await analyzeRun(run, root);
  analyzed.report = judgedBy(maximum, analyzed.report);
  const earlier = against && (await analyzeRun(against, root));
  const comparison = earlier && compareRuns(earlier, analyzed);
  if (comparison) analyzed.report = judgedAgainst(earlier.report, analyzed.report, comparison);
  const { report } = analyzed;
  say();
  print(renderOutcome(report, { paint }));
  print(renderTerminal(report, { columns, paint }));
  if (comparison) print(`\n${renderComparison(comparison, { paint })}`);
  try {
    writeReport(run, report);
    print(`report: ${relative(process.cwd(), join(run.folder, "report.html"))}`);
  } catch (error) {
    explain(error, { say, print, paint }); // what it would hold is printed above
  }
  const broken = brokenThresholds(maximum, report);
  const code = signal.aborted ? EXIT.interrupted : OUTCOME_CODE[report.outcome];
  return { code, json: { ...report, ...(comparison ? { comparison } : {}), broken } };
});
