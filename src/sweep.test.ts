import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcome } from "./analysis/report.ts";
import { judge } from "./sweep.ts";
import { FailedError, UserError } from "./terminal/user_error.ts";

const step = (concurrency: number, outcome: Outcome["outcome"], ...reasons: string[]) => ({
  concurrency,
  report: { outcome, reasons },
});
const good = [1, 2, 4].map((each) => step(each, "passed", "20 jobs completed, none failed"));
const knee = { advice: "concurrency 2: more brings less than 5 %" };

test("judge() passes a sweep whose steps passed, with its advice", () => {
  assert.deepEqual(judge(good, knee), { outcome: "passed", reasons: [knee.advice] });
  const few = { advice: "Nothing can be recommended: more jobs are needed", cannotSay: "more jobs are needed" };
  assert.deepEqual(judge(good, few), { outcome: "nothing can be said", reasons: ["more jobs are needed"] });
});

test("judge() fails a sweep in which a part died or jobs failed, at whatever step, also when that stopped it", () => {
  const died = "the worker has ended with SIGKILL";
  const [first = step(1, "passed")] = good;
  const failed = judge([first, step(2, "failed", died)], knee, new UserError("Cannot load: it is still starting"));
  assert.deepEqual(failed, {
    outcome: "failed",
    reasons: [`concurrency 2: ${died}`, "Cannot load: it is still starting"],
  });
  assert.equal(judge(good, knee, new FailedError(`no load was sent: ${died}`)).outcome, "failed");
  const lost = judge([first, step(2, "nothing can be said", "worker lost 9 of 99 spans")], knee);
  assert.deepEqual(lost.reasons, ["concurrency 2: worker lost 9 of 99 spans"]);
});
