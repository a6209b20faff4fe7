import type { Percentiles } from "./report.ts";
import { Reservoir } from "./reservoir.ts";

/** Values of which it keeps the exact sum and maximum, and as many as it needs for percentiles. */
export class Distribution {
  sum = 0;
  max = 0;
  readonly #values: Reservoir<number>;

  constructor(capacity: number) {
    this.#values = new Reservoir(capacity);
  }

  get count(): number {
    return this.#values.seen;
  }

  get mean(): number {
    return this.count ? this.sum / this.count : 0;
  }

  add(value: number): void {
    if (!Number.isFinite(value)) return;
    this.sum += value;
    if (value > this.max || this.count === 0) this.max = value;
    this.#values.add(value);
  }

  /** A share of the values is below it. */
  quantile(share: number): number {
    return quantile(this.#values.items.toSorted(byValue), share);
  }

  percentiles(): Percentiles {
    return { ...percentilesOf(this.#values.items), samples: this.count, mean: this.mean, max: this.max };
  }
}

/** The percentiles of some values, in any order. */
export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted(byValue);
  return {
    samples: sorted.length,
    mean: sorted.length ? sorted.reduce((total, value) => total + value, 0) / sorted.length : 0,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
  };
}

/** Of sorted values, with a straight line between two of them; 0 of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0;
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

const byValue = (a: number, b: number) => a - b;
