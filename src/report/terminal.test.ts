import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { cutOffReport, emptyReport, largeReport } from "../../test/example_report.ts";
import { hostileReport } from "../../test/hostile_report.ts";
import { painter } from "../terminal/terminal.ts";
import { renderTerminal } from "./terminal.ts";

const plain = painter(false);

test("renderTerminal() says the verdict first, then evidence, action and gain", () => {
  const report = largeReport();
  const lines = renderTerminal(report, { columns: 200, paint: plain }).split("\n");
  assert.equal(lines[0], report.verdict);
  assert.match(
    lines[2]!,
    /^1\. explains 1 min 1 s, from 1,000 samples: span .* 31 % of CPU; nodejs\.eventloop\.delay\.p99 405 ms$/,
  );
  assert.match(lines[3]!, /do: Run the linting in a worker thread/);
  assert.match(lines[4]!, /brings: p95 29 % lower \(blocked of the p95 bar/);
  assert.ok(lines.some((line) => /^review: 352 jobs, p50 459 ms/.test(line)));
  assert.ok(lines.some((line) => /^ {2}p95 +726 ms .*#+.*=+.* cpu # 34 %, blocked = 29 %, idle \. 16 %$/.test(line)));
});

test("renderTerminal() has 20 lines or less, none longer than the terminal, whatever is in the report", () => {
  const large = largeReport();
  const many = {
    ...large,
    run: { ...large.run, cutOff: "ended by Ctrl-C" },
    findings: Array.from({ length: 9 }, () => large.findings[0]!),
    jobs: Array.from({ length: 50 }, () => large.jobs[0]!),
    notMeasured: Array.from({ length: 200 }, () => large.notMeasured[0]!),
  };
  for (const report of [large, many, emptyReport(), cutOffReport(), hostileReport()]) {
    for (const columns of [10, 80, 131]) {
      const lines = renderTerminal(report, { columns, paint: plain }).split("\n");
      assert.ok(lines.length <= 20, `${lines.length} lines`);
      for (const line of lines) assert.ok([...line].length <= Math.max(40, columns), line);
    }
  }
});

test("renderTerminal() folds the first finding rather than cut what to do", () => {
  const lines = renderTerminal(largeReport(), { columns: 90, paint: plain }).split("\n");
  const at = lines.findIndex((line) => line.startsWith("   do: "));
  assert.equal(lines[at], "   do: Run the linting in a worker thread, or lower WORKER_CONCURRENCY from 8 to 3 and");
  assert.equal(lines[at + 1], "       start a second worker process.");
  assert.match(lines[at + 2]!, /^ {3}brings: p95 29 % lower/);
});

test("renderTerminal() writes only its own escape sequences", () => {
  for (const report of [largeReport(), hostileReport()]) {
    const text = renderTerminal(report, { columns: 120, paint: plain });
    assert.doesNotMatch(text, /(?!\u200c|\u200d|\n)[\p{Cc}\p{Cf}\p{Cs}]/u);
    const painted = renderTerminal(report, { columns: 120, paint: painter(true) });
    assert.notEqual(painted, text);
    assert.equal(stripVTControlCharacters(painted), text);
  }
});

test("renderTerminal() of a run without jobs says so, and prints no figure for what was not measured", () => {
  const text = renderTerminal(emptyReport(), { columns: 120, paint: plain });
  assert.match(text, /^0 jobs of 0 types/); // the outcome says the rest
  assert.match(text, /Not measured: jobs\nObserving cost: not measured \(no job, so nothing to compare with\)$/);
  assert.match(renderTerminal(cutOffReport(), { columns: 120, paint: plain }), /The run is not whole: ended by Ctrl-C/);
});
