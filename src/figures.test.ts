import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, number, quantity, share } from "./figures.ts";

test("duration() changes its unit where people do", () => {
  const shown = [0, 0.0421, 4.2, 999, 999.6, 4213, 59_949, 59_960, 252_000, -1500].map(duration);
  assert.deepEqual(shown, [
    "0 ms",
    "0.0421 ms",
    "4.2 ms",
    "999 ms",
    "1 s",
    "4.21 s",
    "59.9 s",
    "1 min 0 s",
    "4 min 12 s",
    "-1.5 s",
  ]);
});

test("share() keeps what is below one percent", () => {
  assert.deepEqual([0, 0.0042, 0.021, 0.094, 0.62, 1.5].map(share), [
    "0 %",
    "0.42 %",
    "2.1 %",
    "9.4 %",
    "62 %",
    "150 %",
  ]);
});

test("quantity() knows times, bytes, shares and UCUM words, and says when there is no number", () => {
  assert.equal(quantity(1240, "ms"), "1.24 s");
  assert.equal(quantity(13 * 2 ** 30, "By"), "13 GiB");
  assert.equal(quantity(0, "bytes"), "0 B");
  assert.equal(quantity(0.87, "1"), "87 %");
  assert.equal(quantity(3, "{cpu}"), "3 cpu");
  assert.equal(quantity(12_345.6, "jobs/s"), "12,346 jobs/s");
  assert.equal(quantity(5, ""), "5");
  assert.equal(quantity(Number.NaN, "ms"), "not measured");
  assert.equal(number(0.123456), "0.123");
});
