import { join, relative } from "node:path";
import { brokenThresholds } from "../src/analysis/broken_thresholds.ts";
import { compareRuns } from "../src/analysis/compare_runs.ts";
import { recordLoad } from "../src/load/record.ts";
import { renderComparison } from "../src/report/compare_text.ts";
import { renderTerminal } from "../src/report/terminal.ts";
import { analyzeRun, writeReport } from "../src/report_run.ts";
import { openRun } from "../src/runs/open_run.ts";
import { partProgress } from "../src/stack/progress.ts";
import { EXIT, runScript } from "../src/terminal.ts";

await runScript(async (config, { say, rewrite, signal, paint, columns }) => {
  // Before the load, which makes another run the latest.
  const against = config.against === undefined ? undefined : openRun(config.home, config.against, "AGAINST");
  let wanted = config.run;
  if (wanted === undefined) {
    const { folder, load, cutOff } = await recordLoad(config, { signal, say, rewrite, onEvent: partProgress(say) });
    const { completed, failed, unfinished, throughputPerSecond } = load;
    const left = unfinished > 0 ? `, ${unfinished} unfinished` : "";
    say(`${completed} completed, ${failed} failed${left}; ${throughputPerSecond.toFixed(2)} a second`);
    if (cutOff) say(`cut off: ${cutOff}`);
    wanted = folder;
  }
  const run = openRun(config.home, wanted, config.run ? "RUN" : undefined);
  const analyzed = await analyzeRun(run, config.root);
  const { report } = analyzed;
  writeReport(run, report);
  say(`\n${renderTerminal(report, { columns, paint })}`);
  const comparison = against && compareRuns(await analyzeRun(against, config.root), analyzed);
  if (comparison) say(`\n${renderComparison(comparison, { paint })}`);
  const broken = brokenThresholds(report, config.maximum);
  for (const each of broken) say(paint("red", `broken: ${each}`));
  say(`report: ${relative(process.cwd(), join(run.folder, "report.html"))}`);
  const code = signal.aborted ? EXIT.interrupted : broken.length ? EXIT.disproved : EXIT.ok;
  return { code, json: { ...report, ...(comparison ? { comparison } : {}), broken } };
});
