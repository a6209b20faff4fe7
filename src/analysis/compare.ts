import { quantile } from "./percentiles.ts";
import { seededRandom } from "./random.ts";

/** How a figure differs between two sets of jobs. */
export interface Difference {
  what: "median" | "p95" | "trimmed mean";
  a: number;
  b: number;
  /** `b / a - 1`: 0.1 is 10 % more. */
  ratio: number;
  /** Where the ratio lies, with the confidence that was asked for. */
  from: number;
  until: number;
  /** "no difference" is "no difference shown": the interval contains none. */
  verdict: "more" | "less" | "no difference";
}

export interface CompareOptions {
  /** @default {["median", "p95"]} */
  figures?: Difference["what"][];
  /** Chance of a difference being said where there is none, over all figures together. @default {0.05} */
  falseAlarms?: number;
  /** @default {2_000} */
  resamples?: number;
  seed?: number;
}

/** Fewer values a side say nothing of a p95. */
export const LEAST_VALUES = 20;

/**
 * Compares two sets of jobs by one value of each: bootstrap of the ratio, percentile intervals (Efron & Tibshirani 1993,
 * chapter 13), the chance of a false alarm shared out over the figures (Bonferroni). The same values give the same answer.
 *
 * @throws {RangeError} when a side has fewer than 20 values
 */
export function compareValues(a: readonly number[], b: readonly number[], options: CompareOptions = {}): Difference[] {
  const { figures = ["median", "p95"], falseAlarms = 0.05, resamples = 2_000, seed = 1 } = options;
  const sides = [a, b].map((values) => Float64Array.from(values.filter(Number.isFinite)).sort());
  for (const [index, { length }] of sides.entries()) {
    if (length < LEAST_VALUES) {
      throw new RangeError(`Cannot compare: side ${"AB"[index]} has ${length} values, ${LEAST_VALUES} are needed`);
    }
  }
  const [sortedA, sortedB] = sides as [Float64Array, Float64Array];
  const random = seededRandom(seed);
  const ratios = figures.map(() => new Float64Array(resamples));
  for (let round = 0; round < resamples; round++) {
    const [drawnA, drawnB] = [draw(sortedA, random), draw(sortedB, random)];
    for (const [index, figure] of figures.entries()) {
      ratios[index]![round] = ratioOf(read[figure](drawnA), read[figure](drawnB));
    }
  }
  const tail = falseAlarms / figures.length / 2;
  return figures.map((what, index) => {
    const sorted = ratios[index]!.sort();
    const [figureA, figureB] = [read[what](sortedA), read[what](sortedB)];
    const [from, until] = [quantile(sorted, tail), quantile(sorted, 1 - tail)];
    const verdict = from > 0 ? "more" : until < 0 ? "less" : "no difference";
    return { what, a: figureA, b: figureB, ratio: ratioOf(figureA, figureB), from, until, verdict };
  });
}

/** Share of the values at each end that a trimmed mean leaves out: `make bench PART=compare` is why. */
const TRIMMED = 0.1;

/** As many values as there are, each drawn from all of them; sorted, as the values are: a draw of places, counted. */
function draw(sorted: Float64Array, random: () => number): Float64Array {
  const times = new Uint16Array(sorted.length);
  for (let each = 0; each < sorted.length; each++) {
    const place = Math.floor(random() * sorted.length);
    times[place] = times[place]! + 1;
  }
  const drawn = new Float64Array(sorted.length);
  let next = 0;
  for (let place = 0; place < sorted.length; place++) {
    for (let each = times[place]!; each > 0; each--) drawn[next++] = sorted[place]!;
  }
  return drawn;
}

const read: Record<Difference["what"], (sorted: Float64Array) => number> = {
  median: (sorted) => quantile(sorted, 0.5),
  p95: (sorted) => quantile(sorted, 0.95),
  "trimmed mean": (sorted) => {
    const kept = sorted.subarray(Math.floor(TRIMMED * sorted.length), Math.ceil((1 - TRIMMED) * sorted.length));
    return kept.reduce((sum, value) => sum + value, 0) / kept.length;
  },
};

/** 0 of nothing and nothing. */
const ratioOf = (a: number, b: number) => (a === b ? 0 : a > 0 ? b / a - 1 : Number.POSITIVE_INFINITY);
