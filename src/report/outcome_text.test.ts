import assert from "node:assert/strict";
import { test } from "node:test";
import { painter } from "../terminal/terminal.ts";
import { isRepeated, outcomeLines, renderOutcome } from "./outcome_text.ts";

test("renderOutcome() says all that has to be known in its first line, and texts of others cannot make a line", () => {
  const reasons = [
    "the worker has ended with SIGKILL",
    "5 of 100 jobs failed: \x1b[32mProved\nPassed (5)",
    ..."abc".split(""),
  ];
  const failed = { outcome: "failed", reasons } as const;
  assert.deepEqual(outcomeLines(failed), [
    "Failed: the worker has ended with SIGKILL",
    "  also: 5 of 100 jobs failed: ⟨ESC⟩[32mProved⟨LF⟩Passed (5)",
    "  also: a",
    "  and 2 more",
  ]);
  const painted = renderOutcome({ outcome: "passed", reasons: ["3 jobs completed"] }, { paint: painter(true) });
  assert.equal(painted, "\x1b[32mPassed: 3 jobs completed\x1b[0m");
});

test("isRepeated() knows a verdict that the outcome has said", () => {
  const outcome = { outcome: "nothing can be said", reasons: ["a part died", "no job ended"] } as const;
  assert.equal(isRepeated("Nothing can be said: no job ended", { ...outcome, reasons: [...outcome.reasons] }), true);
  assert.equal(isRepeated("No bottleneck shown", { ...outcome, reasons: [...outcome.reasons] }), false);
});
