import { join, relative } from "node:path";
import { compareRuns } from "../src/analysis/compare_runs.ts";
import { brokenThresholds, judgedAgainst, judgedBy } from "../src/analysis/outcome.ts";
import { recordLoad } from "../src/load/record.ts";
import { openNamedRun } from "../src/recording/retention.ts";
import { renderComparison } from "../src/report/compare_text.ts";
import { OUTCOME_CODE, renderOutcome } from "../src/report/outcome_text.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import { analyzeRun, writeReport } from "../src/report_run.ts";
import { type OpenedRun, readRun } from "../src/sources/open_run.ts";
import { partProgress } from "../src/stack/progress.ts";
import { wantedOf } from "../src/stack/wanted.ts";
import { EXIT, explain, runScript } from "../src/terminal/terminal.ts";
import { visible } from "../src/terminal/visible_text.ts";

await runScript(async (settings, { say, print, rewrite, signal, paint, columns }) => {
  // Before the load, which makes another run the latest.
  const { home, root } = settings.stack;
  const { run: given, against: before, maximum } = settings.report;
  const against = before === undefined ? undefined : openNamedRun(home, before, "AGAINST");
  let run: OpenedRun;
  if (given !== undefined) run = openNamedRun(home, given, "RUN");
  else {
    const options = { signal, say, rewrite, onEvent: partProgress(say) };
    const recorded = await recordLoad(wantedOf(settings), settings.load, options);
    const { load, cutOff } = recorded;
    const { completed, failed, unfinished, withoutJob = 0, throughputPerSecond } = load;
    const left = unfinished > 0 ? `, ${unfinished} unfinished` : "";
    const none = withoutJob > 0 ? `, ${withoutJob} added no job` : "";
    say(`${completed} completed, ${failed} failed${left}${none}; ${throughputPerSecond.toFixed(2)} a second`);
    if (cutOff) say(`cut off: ${visible(cutOff)}`);
    run = readRun(recorded.run);
  }
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
