import { type Percentiles, percentilesOf, quantile } from "../percentiles.ts";
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
    return quantile(
      this.#values.items.toSorted((a, b) => a - b),
      share,
    );
  }

  percentiles(): Percentiles {
    return { ...percentilesOf(this.#values.items), samples: this.count, mean: this.mean, max: this.max };
  }
}
