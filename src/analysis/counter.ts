/** How much a counter that only grows has grown within a window; an interval that lies in it in part counts in part. */
export class Counter {
  change = 0;
  /** For how long it was watched within the window. */
  coveredMs = 0;
  readonly #fromMs: number;
  readonly #untilMs: number;
  #last: { atMs: number; value: number } | undefined;

  constructor(fromMs: number, untilMs: number) {
    this.#fromMs = fromMs;
    this.#untilMs = untilMs;
  }

  /** Takes a reading, and returns by how much a second it grew since the one before. */
  add(atMs: number, value: number): number | undefined {
    const last = this.#last;
    if (!Number.isFinite(value) || (last && atMs <= last.atMs)) return undefined; // an export that was tried again
    this.#last = { atMs, value };
    if (!last || value < last.value) return undefined; // the first, or a process that began anew
    const lengthMs = atMs - last.atMs;
    const insideMs = Math.max(0, Math.min(atMs, this.#untilMs) - Math.max(last.atMs, this.#fromMs));
    this.change += ((value - last.value) * insideMs) / lengthMs;
    this.coveredMs += insideMs;
    return (value - last.value) / (lengthMs / 1e3);
  }
}
