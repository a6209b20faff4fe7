import assert from "node:assert/strict";
import { test } from "node:test";
import { percentiles } from "./percentiles.ts";
import { Tally } from "./tally.ts";

test("percentiles() are values that were measured, by nearest rank", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.deepEqual(percentiles(values), { samples: 100, mean: 50.5, p50: 50, p95: 95, p99: 99, max: 100 });
  assert.deepEqual(percentiles([7]), { samples: 1, mean: 7, p50: 7, p95: 7, p99: 7, max: 7 });
  assert.equal(percentiles([]), undefined);
});

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
