/** Off the CPU for want of quota, some time in an interval. */
export interface Throttled {
  fromMs: number;
  untilMs: number;
  ms: number;
  /** Periods of the quota in which it happened. */
  periods: number;
}

/** The clocks that measure a loss, and the pause in which it lies, agree to this share. */
const ROUGHLY = 0.9;

/** What the quota took from one job, and how much of that lies in its pauses for garbage. */
export class JobThrottling {
  ms = 0;
  readonly #all: Throttled[] = [];
  readonly #pauses: { startMs: number; ms: number }[] = [];

  add(throttled: Throttled): void {
    this.ms += throttled.ms;
    this.#all.push(throttled);
  }

  addPause(startMs: number, ms: number): void {
    this.#pauses.push({ startMs, ms });
  }

  /**
   * A pause that is long enough to hold what the quota took at one time is taken to hold it: hardly any comes near to that
   * by itself without using the quota up.
   */
  inPausesMs(): number {
    let next = 0; // both lists are in the order of time
    return this.#all.reduce((total, { fromMs, untilMs, ms, periods }) => {
      const onceMs = ms / Math.max(1, periods);
      let heldMs = 0;
      for (; next < this.#pauses.length && this.#pauses[next]!.startMs < untilMs; next++) {
        const pause = this.#pauses[next]!;
        if (pause.startMs < fromMs) continue;
        heldMs += Math.min(pause.ms, Math.floor(pause.ms / (onceMs * ROUGHLY)) * onceMs);
      }
      return total + Math.min(ms, heldMs);
    }, 0);
  }
}
