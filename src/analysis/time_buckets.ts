/** Points of a drawn series. */
const MOST = 600;

/** A value over time, in no more buckets than can be drawn: they become twice as wide whenever the time is up. */
export class TimeBuckets {
  readonly #keep: "max" | "mean";
  readonly #beginMs: number;
  #widthMs = 1_000;
  #sums = new Float64Array(MOST);
  #counts = new Float64Array(MOST);

  constructor(keep: "max" | "mean", beginMs: number) {
    this.#keep = keep;
    this.#beginMs = beginMs;
  }

  get widthMs(): number {
    return this.#widthMs;
  }

  add(atMs: number, value: number): void {
    const since = atMs - this.#beginMs;
    // More than a year is a clock that is wrong.
    if (!(since >= 0 && since < 366 * 86_400_000) || !Number.isFinite(value)) return;
    while (since >= this.#widthMs * MOST) this.#widen();
    this.#put(Math.floor(since / this.#widthMs), value, 1);
  }

  /** By bucket; one or two that are empty between others have the value before. */
  values(): (number | undefined)[] {
    const values = Array.from(this.#counts, (count, at) => {
      if (count === 0) return undefined;
      return this.#keep === "max" ? this.#sums[at]! : this.#sums[at]! / count;
    });
    const last = values.findLastIndex((value) => value !== undefined);
    return values.map((value, at) => (at > last ? undefined : (value ?? values[at - 1] ?? values[at - 2])));
  }

  /** Makes its buckets as wide as those of another. */
  widenTo(widthMs: number): void {
    while (this.#widthMs < widthMs) this.#widen();
  }

  #put(at: number, value: number, count: number): void {
    if (this.#keep === "mean") this.#sums[at] = this.#sums[at]! + value;
    else if (this.#counts[at] === 0 || value > this.#sums[at]!) this.#sums[at] = value;
    this.#counts[at] = this.#counts[at]! + count;
  }

  #widen(): void {
    const [sums, counts] = [this.#sums, this.#counts];
    this.#sums = new Float64Array(MOST);
    this.#counts = new Float64Array(MOST);
    this.#widthMs *= 2;
    for (let at = 0; at < MOST; at++) if (counts[at]) this.#put(at >> 1, sums[at]!, counts[at]!);
  }
}
