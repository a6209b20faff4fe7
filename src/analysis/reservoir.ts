import { seededRandom } from "./random.ts";

/**
 * Keeps all that it is given up to `capacity`, from then on a random sample of it (Vitter's algorithm R): every item has the
 * same chance. A percentile p of a sample of n lies, with 95 % confidence, within 1.96 * sqrt(p (1 - p) / n) of its rank: of
 * 5,000 the p95 between p94.4 and p95.6.
 */
export class Reservoir<T> {
  readonly items: T[] = [];
  /** How many it was given. */
  seen = 0;
  readonly #capacity: number;
  readonly #random: () => number;

  constructor(capacity: number, seed = 1) {
    this.#capacity = capacity;
    this.#random = seededRandom(seed);
  }

  add(item: T): void {
    this.seen++;
    if (this.items.length < this.#capacity) this.items.push(item);
    else {
      const at = Math.floor(this.#random() * this.seen);
      if (at < this.#capacity) this.items[at] = item;
    }
  }
}
