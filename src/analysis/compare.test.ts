import assert from "node:assert/strict";
import { test } from "node:test";
import { compareValues } from "./compare.ts";
import { seededRandom } from "./random.ts";

/** CPU ms of jobs: log-normal about `median`, as times of jobs are, with a spread of 15 %. */
function jobs(count: number, median: number, random: () => number): number[] {
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return median * Math.exp(0.15 * normal);
  });
}

/** How many of 100 comparisons of 200 jobs a side, drawn from 2,000 each, show a difference. */
function shown(change: number, figure?: "median"): number {
  const random = seededRandom(42);
  const recordedA = jobs(2_000, 50, random);
  const recordedB = change === 1 ? recordedA : jobs(2_000, 50 * change, random);
  const sample = (values: number[]) => Array.from({ length: 200 }, () => values[Math.floor(random() * values.length)]!);
  let alarms = 0;
  for (let each = 0; each < 100; each++) {
    const differences = compareValues(sample(recordedA), sample(recordedB), { resamples: 500, seed: each });
    if (differences.some(({ what, verdict }) => verdict !== "no difference" && (!figure || what === figure))) alarms++;
  }
  return alarms;
}

test("compareValues() shows 10 % more CPU a job in 95 of 100 samples of 200 jobs a side", () => {
  assert.ok(shown(1.1, "median") >= 95);
});

test("compareValues() shows a difference where there is none in 5 of 100 samples at the most", () => {
  assert.ok(shown(1) <= 5);
});

test("compareValues() gives the ratio, its interval, and the same answer again", () => {
  const random = seededRandom(3);
  const [a, b] = [jobs(400, 50, random), jobs(400, 100, random)];
  const [median, p95] = compareValues(a, b);
  assert.equal(median?.verdict, "more");
  assert.ok(median.from < median.ratio && median.ratio < median.until && Math.abs(median.ratio - 1) < 0.1);
  assert.equal(p95?.verdict, "more");
  assert.equal(compareValues(b, a)[0]?.verdict, "less");
  assert.deepEqual(compareValues(a, b), [median, p95]);
});

test("compareValues() shows no difference of a run with itself, and of times that are all zero", () => {
  const values = jobs(100, 50, seededRandom(5));
  assert.deepEqual(
    compareValues(values, values).map(({ ratio, verdict }) => [ratio, verdict]),
    [
      [0, "no difference"],
      [0, "no difference"],
    ],
  );
  const zeros = new Array<number>(50).fill(0);
  assert.deepEqual(
    compareValues(zeros, zeros).map(({ verdict }) => verdict),
    ["no difference", "no difference"],
  );
});

test("compareValues() throws a RangeError when a side has too few values", () => {
  assert.throws(() => compareValues([1, 2, 3, Number.NaN], jobs(50, 1, seededRandom(1))), {
    name: "RangeError",
    message: "Cannot compare: side A has 3 values, 20 are needed",
  });
});
