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
