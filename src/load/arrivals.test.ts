import assert from "node:assert/strict";
import { test } from "node:test";
import { arrivals } from "./arrivals.ts";

function first(count: number, ratePerSecond: number): number[] {
  const times: number[] = [];
  for (const atMs of arrivals(ratePerSecond)) if (times.push(atMs) === count) break;
  return times;
}

test("arrivals() are random, at the rate, and the same each time", () => {
  const times = first(10_000, 50);
  assert.deepEqual(times, first(10_000, 50));
  const gaps = times.map((atMs, index) => atMs - (times[index - 1] ?? 0));
  assert.ok(gaps.every((gap) => gap >= 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  assert.ok(Math.abs(mean - 20) < 0.6, `mean ${mean}`); // three standard errors
  // Of an exponential distribution the standard deviation is the mean, and 1/e of the values exceed it.
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  assert.ok(Math.abs(deviation / mean - 1) < 0.05, `deviation ${deviation}`);
  const longer = gaps.filter((gap) => gap > mean).length / gaps.length;
  assert.ok(Math.abs(longer - 1 / Math.E) < 0.02, `longer ${longer}`);
});

test("arrivals() of another rate are the same, stretched", () => {
  const [slow, fast] = [first(100, 1), first(100, 4)];
  for (const [index, atMs] of slow.entries()) assert.ok(Math.abs(atMs - 4 * fast[index]!) < 1e-6);
});
