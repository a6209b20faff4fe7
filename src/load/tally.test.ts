import assert from "node:assert/strict";
import { test } from "node:test";
import { Tally } from "./tally.ts";

test("a Tally keeps the slowest jobs and the most frequent reasons, and no more", () => {
  const tally = new Tally();
  const now = performance.now();
  for (let index = 0; index < 1_000; index++) {
    tally.leaves(now);
    // The later it was due, the shorter it took.
    tally.ended({
      id: String(index),
      dueMs: now - (index % 500) * 1_000,
      state: "failed",
      requestMs: 1,
      error: `e${index}`,
    });
  }
  for (let index = 0; index < 3; index++) tally.refused("refused");
  const slowest = tally.slowest();
  assert.equal(slowest.length, 100);
  assert.deepEqual(
    new Set(slowest.map(({ id }) => Number(id) % 500)),
    new Set(Array.from({ length: 50 }, (_, i) => 450 + i)),
  );
  const failures = tally.failures();
  assert.deepEqual(failures[0], { reason: "other reasons", count: 983 });
  assert.equal(failures.length, 21);
  assert.equal(tally.failed, 1_003);
  assert.equal(tally.summary().total, undefined);
});

test("a Tally takes the time at which a job ended, however late that is seen, and counts requests without a job apart", () => {
  const tally = new Tally();
  const now = performance.now();
  for (let index = 0; index < 2; index++) tally.leaves(now - 10_000);
  tally.ended({ id: "1", dueMs: now - 10_000, state: "completed", requestMs: 1, atMs: Date.now() - 9_000 });
  tally.addedNone();
  const { sent, completed, withoutJob, total, throughputPerSecond } = tally.summary();
  assert.deepEqual([sent, completed, withoutJob, tally.inFlight], [2, 1, 1, 0]);
  assert.ok(Math.abs(total!.max - 1_000) < 500, `${total!.max}`);
  assert.ok(throughputPerSecond < 0.2, `${throughputPerSecond}`); // not before the tally began
});
