import assert from "node:assert/strict";
import { test } from "node:test";
import { percentilesOf } from "./percentiles.ts";

test("percentilesOf() takes values in any order, and a straight line between two of them", () => {
  const values = Array.from({ length: 101 }, (_, index) => 100 - index);
  assert.deepEqual(percentilesOf(values), { samples: 101, mean: 50, p50: 50, p95: 95, p99: 99, max: 100 });
  assert.deepEqual(percentilesOf([3, 1]), { samples: 2, mean: 2, p50: 2, p95: 2.9, p99: 2.98, max: 3 });
  assert.deepEqual(percentilesOf([7]), { samples: 1, mean: 7, p50: 7, p95: 7, p99: 7, max: 7 });
});
