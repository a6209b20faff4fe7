import { compareRuns } from "../src/analysis/compare_runs.ts";
import { brokenThresholds, judgedAgainst, judgedBy } from "../src/analysis/outcome.ts";
import { openNamedRun } from "../src/recording/retention.ts";
import { renderComparison } from "../src/report/compare_text.ts";
import { OUTCOME_CODE, renderOutcome } from "../src/report/outcome_text.ts";
import { analyzeRun } from "../src/report_run.ts";
import { runScript } from "../src/terminal/terminal.ts";
import { UserError } from "../src/terminal/user_error.ts";

await runScript(async ({ stack, report }, { print, paint }) => {
  const { a, b } = report.compared;
  const { home, root } = stack;
  if (!a || !b) throw new UserError("Cannot compare: A and B are needed", { next: "make compare A=<run> B=latest" });
  const runs = [openNamedRun(home, a, "A"), openNamedRun(home, b, "B")] as const;
  const [before, after] = [await analyzeRun(runs[0], root), await analyzeRun(runs[1], root)];
  const comparison = compareRuns(before, after);
  const judged = judgedAgainst(before.report, judgedBy(report.maximum, after.report), comparison);
  const { outcome, reasons } = judged;
  const others = reasons.filter((reason) => reason !== comparison.cannotSay); // which is the verdict
  if (others.length > 0) print(renderOutcome({ outcome, reasons: others }, { paint }));
  print(renderComparison(comparison, { paint }));
  const broken = brokenThresholds(report.maximum, after.report);
  return { code: OUTCOME_CODE[outcome], json: { outcome, reasons, ...comparison, broken } };
});
