import assert from "node:assert/strict";
import { test } from "node:test";
import { showBytes, showCpus, showMb, showMs, showNumber, showQuantity, showShare } from "./figures.ts";

test("showMs() changes its unit where people do", () => {
  const shown = [0, 0.0421, 4.2, 999, 999.6, 4213, 59_949, 59_960, 252_000, -1500].map(showMs);
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

test("showShare() keeps what is below one percent", () => {
  assert.deepEqual([0, 0.0042, 0.021, 0.094, 0.62, 1.5].map(showShare), [
    "0 %",
    "0.42 %",
    "2.1 %",
    "9.4 %",
    "62 %",
    "150 %",
  ]);
});

test("showBytes(), showMb() and showCpus() say limits as they were set", () => {
  const shown = [0, 512 * 2 ** 20, 1023 * 2 ** 20, 1.5 * 2 ** 30, 13 * 2 ** 30].map(showBytes);
  assert.deepEqual(shown, ["0 B", "512 MiB", "1,023 MiB", "1.5 GiB", "13 GiB"]);
  assert.deepEqual([258.6, 11_456].map(showMb), ["259 MB", "11,456 MB"]);
  assert.deepEqual([3, 0.25].map(showCpus), ["3.0", "0.25"]);
});

test("showQuantity() knows times, bytes, shares and UCUM words, and says when there is no number", () => {
  assert.equal(showQuantity(1240, "ms"), "1.24 s");
  assert.equal(showQuantity(13 * 2 ** 30, "By"), "13 GiB");
  assert.equal(showQuantity(0, "bytes"), "0 B");
  assert.equal(showQuantity(0.87, "1"), "87 %");
  assert.equal(showQuantity(3, "{cpu}"), "3 cpu");
  assert.equal(showQuantity(12_345.6, "jobs/s"), "12,346 jobs/s");
  assert.equal(showQuantity(5, ""), "5");
  assert.equal(showQuantity(Number.NaN, "ms"), "not measured");
  assert.equal(showNumber(0.123456), "0.123");
});
