import assert from "node:assert/strict";
import { test } from "node:test";
import type { Comparison } from "../analysis/compare_runs.ts";
import { painter } from "../terminal/terminal.ts";
import { renderComparison } from "./compare_text.ts";

const figure = { a: 100, b: 112, ratio: 0.12, from: 0.1, until: 0.14 };
const comparison: Comparison = {
  ...{ a: "run-1", b: "run-2", verdict: "review: trimmed mean of cpu is 12 % more" },
  machine: "the machine was not the same",
  jobs: [
    {
      ...{ name: "review", samples: { a: 60, b: 61 } },
      figures: [
        { of: "cpu", what: "trimmed mean", ...figure, verdict: "more" },
        { of: "run", what: "p95", ...figure, from: -0.1, verdict: "no difference" },
      ],
      functions: [
        { name: "(anonymous:L#7:C#3)", file: "src/a.ts", line: 7, a: 1, b: 3 },
        { name: "spawn", file: "", line: 0, a: 2, b: 1 },
      ],
    },
  ],
  notMeasured: [{ what: "differences of mail", reason: "only one of the runs has such jobs" }],
};

test("renderComparison() says the verdict first, what cannot be compared, and where functions stand", () => {
  assert.deepEqual(renderComparison(comparison, { paint: painter(false) }).split("\n"), [
    "review: trimmed mean of cpu is 12 % more",
    "A run-1  B run-2",
    "Only CPU can be compared: the machine was not the same",
    "",
    "review: 60 jobs in A, 61 in B",
    "  cpu    trimmed mean     100 ms -> 112 ms     +12 % (+10 % to +14 %)",
    "  run    p95              100 ms -> 112 ms     no difference shown (-10 % to +14 %)",
    "  (anonymous) src/a.ts:7: CPU a job 1 ms -> 3 ms",
    "  spawn native: CPU a job 2 ms -> 1 ms",
    "",
    "not measured: differences of mail: only one of the runs has such jobs",
  ]);
});
