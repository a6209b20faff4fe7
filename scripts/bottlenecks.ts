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
import { EXIT, explain, runScript } from "../src/terminal/terminal.ts";
import { visible } from "../src/terminal/visible_text.ts";

await runScript(async (config, { say, print, rewrite, signal, paint, columns }) => {
  // Before the load, which makes another run the latest.
  const against = config.against === undefined ? undefined : openNamedRun(config.home, config.against, "AGAINST");
  let run: OpenedRun;
  if (config.run !== undefined) run = openNamedRun(config.home, config.run, "RUN");
  else {
    const {
      run: recorded,
      load,
      cutOff,
    } = await recordLoad(config, { signal, say, rewrite, onEvent: partProgress(say) });
    const { completed, failed, unfinished, withoutJob = 0, throughputPerSecond } = load;
    const left = unfinished > 0 ? `, ${unfinished} unfinished` : "";
    const none = withoutJob > 0 ? `, ${withoutJob} added no job` : "";
    say(`${completed} completed, ${failed} failed${left}${none}; ${throughputPerSecond.toFixed(2)} a second`);
    if (cutOff) say(`cut off: ${visible(cutOff)}`);
    run = readRun(recorded);
  }
  const analyzed = await analyzeRun(run, config.root);
  analyzed.report = judgedBy(config.maximum, analyzed.report);
  const before = against && (await analyzeRun(against, config.root));
  const comparison = before && compareRuns(before, analyzed);
  if (comparison) analyzed.report = judgedAgainst(before.report, analyzed.report, comparison);
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
  const broken = brokenThresholds(config.maximum, report);
  const code = signal.aborted ? EXIT.interrupted : OUTCOME_CODE[report.outcome];
  return { code, json: { ...report, ...(comparison ? { comparison } : {}), broken } };
});
