import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter } from "./counter.ts";
import { TimeBuckets } from "./time_buckets.ts";

test("Counter counts what grew within its window, of an interval across its edge the part inside", () => {
  const counter = new Counter(1_500, 3_500);
  assert.deepEqual(
    [0, 1_000, 2_000, 3_000, 4_000].map((ms) => counter.add(ms, ms / 100)),
    [undefined, 10, 10, 10, 10],
  );
  assert.deepEqual([counter.change, counter.coveredMs], [20, 2_000]);
});

test("Counter takes a process that began anew, and leaves out what came before", () => {
  const counter = new Counter(0, 10_000);
  for (const [ms, value] of [
    [0, 50],
    [1_000, 60],
    [1_000, 99],
    [500, 5],
    [2_000, 3],
    [3_000, 7],
    [4_000, Number.NaN],
  ] as const)
    counter.add(ms, value);
  assert.equal(counter.change, 10 + 4);
});

test("TimeBuckets become wider instead of more, and keep maxima and means", () => {
  const [most, mean] = [new TimeBuckets("max", 0), new TimeBuckets("mean", 0)];
  for (let second = 0; second < 2_000; second++) {
    most.add(second * 1e3, second);
    mean.add(second * 1e3, second);
  }
  assert.equal(most.widthMs, 4_000);
  assert.deepEqual(most.values().slice(0, 2), [3, 7]);
  assert.deepEqual(mean.values().slice(0, 2), [1.5, 5.5]);
  assert.equal(most.values().filter((value) => value !== undefined).length, 500);
});

test("TimeBuckets leave out what no clock that is right can say, and do not go on behind the last value", () => {
  const buckets = new TimeBuckets("max", 0);
  for (const ms of [-1, Number.NaN, 1e15]) buckets.add(ms, 9);
  buckets.add(0, 1);
  buckets.add(2_000, 2);
  buckets.add(7_000, 3);
  assert.deepEqual(buckets.values().slice(0, 9), [1, 1, 2, 2, 2, undefined, undefined, 3, undefined]);
});
