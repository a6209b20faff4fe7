import { quantile } from "../percentiles.ts";
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
  /** "no difference" is "no difference shown": the interval contains one of 1 % or less. */
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

/** Two processes with one program differ by so much; `make bench PART=compare` is why. */
const SAME = 0.01;
/** Fewer values a side say nothing of a p95. */
export const LEAST_VALUES = 20;

/**
 * Compares two sets of jobs by one value of each, in the order of the jobs: bootstrap of the ratio, percentile intervals
 * (Efron & Tibshirani 1993, chapter 13), the chance of a false alarm shared out over the figures (Bonferroni). Jobs that follow
 * each other are drawn together, as what makes one slow makes the next one slow too (moving blocks, Kuensch 1989). The same
 * values give the same answer.
 *
 * @throws {RangeError} when a side has fewer than 20 values
 */
export function compareValues(a: readonly number[], b: readonly number[], options: CompareOptions = {}): Difference[] {
  const { figures = ["median", "p95"], falseAlarms = 0.05, resamples = 2_000, seed = 1 } = options;
  const sides = [a, b].map((values) => rank(values.filter(Number.isFinite)));
  for (const [index, { sorted }] of sides.entries()) {
    if (sorted.length < LEAST_VALUES) {
      throw new RangeError(
        `Cannot compare: side ${"AB"[index]} has ${sorted.length} values, ${LEAST_VALUES} are needed`,
      );
    }
  }
  const [sideA, sideB] = sides as [Ranked, Ranked];
  const random = seededRandom(seed);
  const ratios = figures.map(() => new Float64Array(resamples));
  for (let round = 0; round < resamples; round++) {
    const [drawnA, drawnB] = [draw(sideA, random), draw(sideB, random)];
    for (const [index, figure] of figures.entries()) {
      ratios[index]![round] = ratioOf(read[figure](drawnA), read[figure](drawnB));
    }
  }
  const tail = falseAlarms / figures.length / 2;
  return figures.map((what, index) => {
    const sorted = ratios[index]!.sort();
    const [figureA, figureB] = [read[what](sideA.sorted), read[what](sideB.sorted)];
    const [from, until] = [quantile(sorted, tail), quantile(sorted, 1 - tail)];
    const verdict = from > SAME ? "more" : until < -SAME ? "less" : "no difference";
    return { what, a: figureA, b: figureB, ratio: ratioOf(figureA, figureB), from, until, verdict };
  });
}

interface Ranked {
  sorted: Float64Array;
  /** Of each value, in the order in which they were given, its place among the sorted. */
  places: Uint32Array;
}

function rank(values: readonly number[]): Ranked {
  const order = Uint32Array.from(values, (_, index) => index).sort((one, other) => values[one]! - values[other]!);
  const places = new Uint32Array(values.length);
  for (const [place, index] of order.entries()) places[index] = place;
  return { sorted: Float64Array.from(order, (index) => values[index]!), places };
}

/** As many values as there are, in blocks that begin anywhere and go on at the beginning behind the end; sorted, by counting. */
function draw({ sorted, places }: Ranked, random: () => number): Float64Array {
  const count = sorted.length;
  const block = Math.ceil(Math.sqrt(count) / 2);
  const times = new Uint16Array(count);
  for (let done = 0; done < count; done += block) {
    const first = Math.floor(random() * count);
    for (let each = 0; each < Math.min(block, count - done); each++) {
      const place = places[(first + each) % count]!;
      times[place] = times[place]! + 1;
    }
  }
  const drawn = new Float64Array(count);
  let next = 0;
  for (let place = 0; place < count; place++) {
    for (let each = times[place]!; each > 0; each--) drawn[next++] = sorted[place]!;
  }
  return drawn;
}

/** Share of the values at each end that a trimmed mean leaves out: `make bench PART=compare` is why. */
const TRIMMED = 0.1;

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
