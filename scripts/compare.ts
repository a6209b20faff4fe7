import { brokenThresholds } from "../src/analysis/broken_thresholds.ts";
import { compareRuns } from "../src/analysis/compare_runs.ts";
import { renderComparison } from "../src/report/compare_text.ts";
import { analyzeRun } from "../src/report_run.ts";
import { openRun } from "../src/runs/open_run.ts";
import { EXIT, runScript } from "../src/terminal.ts";
import { UserError } from "../src/user_error.ts";

await runScript(async (config, { say, paint }) => {
  const { a, b } = config.compared;
  if (!a || !b) throw new UserError("Cannot compare: A and B are needed", { next: "make compare A=<run> B=latest" });
  const runs = [openRun(config.home, a, "A"), openRun(config.home, b, "B")] as const;
  const [before, after] = [await analyzeRun(runs[0], config.root), await analyzeRun(runs[1], config.root)];
  const comparison = compareRuns(before, after);
  say(renderComparison(comparison, { paint }));
  const broken = brokenThresholds(after.report, config.maximum);
  for (const each of broken) say(paint("red", `broken: ${each}`));
  return { code: broken.length ? EXIT.disproved : EXIT.ok, json: { ...comparison, broken } };
});
