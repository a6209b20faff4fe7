import type { JobTime } from "./job_time.ts";

/** Somebody that the main thread works for: a span, or everything that runs without one. */
export interface Owner {
  /** JavaScript that ran for it, ms of wall time on the thread. */
  ownMs: number;
  /** The job that it is a part of. */
  job: JobTime | undefined;
  /** It is that job's own span. */
  isJob?: true;
}

/** Switches that are kept: tens of ms when the thread is saturated, longer otherwise. */
const KEPT = 4_096;
/** Between two callbacks of one owner lies this much at the most, in ms: they are kept as one. */
const SHORT_MS = 0.02;

/** Who had the thread in the recent past. */
export class ThreadHistory {
  readonly #times = new Float64Array(KEPT);
  readonly #busy = new Float64Array(KEPT);
  readonly #owners = new Array<Owner | undefined>(KEPT).fill(undefined);
  /** Of switches so far; the newest is at `#count - 1`, modulo. */
  #count = 0;

  /** Notes that `owner` has the thread from `nowMs` on, and how much JavaScript had run before. */
  push(nowMs: number, busyMs: number, owner: Owner | undefined): void {
    if (owner && this.#count > 1 && this.#isShortGap(nowMs, owner)) {
      this.#count--;
      return;
    }
    const at = this.#count++ % KEPT;
    this.#times[at] = nowMs;
    this.#busy[at] = busyMs;
    this.#owners[at] = owner;
  }

  #isShortGap(nowMs: number, owner: Owner): boolean {
    const gap = (this.#count - 1) % KEPT;
    if (this.#owners[gap] || nowMs - this.#times[gap]! > SHORT_MS) return false;
    return this.#owners[(this.#count - 2) % KEPT] === owner;
  }

  /** How much JavaScript had run at `timeMs`; what is forgotten is taken for the oldest that is known. */
  busyAt(timeMs: number): number {
    const index = this.#indexAt(timeMs);
    const at = index % KEPT;
    const busyMs = this.#busy[at]! + (this.#owners[at] ? Math.max(0, timeMs - this.#times[at]!) : 0);
    return index + 1 < this.#count ? Math.min(busyMs, this.#busy[(index + 1) % KEPT]!) : busyMs;
  }

  /** Who had the thread at `timeMs`. */
  ownerAt(timeMs: number): Owner | undefined {
    const at = this.#indexAt(timeMs) % KEPT;
    return timeMs >= this.#times[at]! ? this.#owners[at] : undefined;
  }

  /** Of the last switch at or before `timeMs`, else of the oldest. */
  #indexAt(timeMs: number): number {
    let low = Math.max(0, this.#count - KEPT);
    let high = Math.max(low, this.#count - 1);
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#times[middle % KEPT]! <= timeMs) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
