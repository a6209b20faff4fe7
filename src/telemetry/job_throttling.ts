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
    return this.#all.reduce((total, throttled) => total + this.#inPausesOf(throttled), 0);
  }

  #inPausesOf({ fromMs, untilMs, ms, periods }: Throttled): number {
    const onceMs = ms / Math.max(1, periods);
    const inside = this.#pauses.filter(({ startMs }) => startMs >= fromMs && startMs < untilMs);
    const held = inside.map((pause) => Math.min(pause.ms, Math.floor(pause.ms / (onceMs * ROUGHLY)) * onceMs));
    return Math.min(
      ms,
      held.reduce((total, each) => total + each, 0),
    );
  }
}
