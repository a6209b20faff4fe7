import { JobThrottling, type Throttled } from "./job_throttling.ts";
import { loopTiming } from "./loop_timing.ts";

/** Where the time of one attempt of a job went, in ms; see docs/ledger.md. */
export interface JobParts {
  run: number;
  cpu: number;
  gc: number;
  throttled: number | undefined;
  /** How much of cpu, gc and throttled the thread had no CPU for, whoever had it; `undefined`: nobody looked. */
  offCpu: number | undefined;
  blocked: number;
  /** What `blocked` may be at the most, where it cannot be seen when the job could have continued. */
  blockedMax: number;
  overlapped: number;
  idle: number;
  unexplained: number;
}

/** The clocks of the thread at one moment. */
export interface Clocks {
  nowMs: number;
  /** JavaScript so far. */
  busyMs: number;
  /** Waiting for events so far. */
  idleMs: number;
}

/** One attempt of a job while it runs: what it has had of the thread, and what it waited for. */
export class JobTime {
  /** Its own JavaScript, pauses for garbage and throttling among it. */
  ownMs = 0;
  /** For how long of it the thread had no CPU; `undefined`: nobody looked. */
  offCpuMs: number | undefined;
  /** `ownMs` when that was last looked at, and its place among the jobs that run; `OffCpu` keeps both. */
  lookedAtMs = 0;
  running = -1;
  blockedMs = 0;
  blockedMaxMs = 0;
  /** When it last had the thread, and how much JavaScript had run in all by then. */
  leftMs: number;
  leftBusyMs: number;
  readonly #start: Clocks;
  #end: Clocks | undefined;
  #ownAtEndMs = 0;
  #pausesMs = 0;
  /** What the quota took; `undefined`: nobody counts. */
  #throttling: JobThrottling | undefined;

  constructor(start: Clocks) {
    this.#start = start;
    this.leftMs = start.nowMs;
    this.leftBusyMs = start.busyMs;
  }

  /** It runs under a quota. */
  watchThrottling(): void {
    this.#throttling = new JobThrottling();
  }

  /** It was off the CPU in its own time. */
  addThrottled(throttled: Throttled): void {
    if (!this.#end) this.#throttling?.add(throttled);
  }

  /** A pause for garbage has begun in its own time. */
  addPause(startMs: number, ms: number): void {
    if (startMs < this.#start.nowMs || (this.#end && startMs >= this.#end.nowMs)) return;
    this.#pausesMs += ms;
    this.#throttling?.addPause(startMs, ms);
  }

  /** The processor has returned; what runs on its behalf later is not its time. */
  end(end: Clocks): void {
    this.#end = end;
    this.#ownAtEndMs = this.ownMs;
  }

  /** The parts, once it has ended. Garbage collections become known a little later than they happen. */
  parts(): JobParts | undefined {
    if (!this.#end) return undefined;
    const ownMs = this.#ownAtEndMs;
    const run = this.#end.nowMs - this.#start.nowMs;
    const idle = this.#end.idleMs - this.#start.idleMs;
    const others = this.#end.busyMs - this.#start.busyMs - ownMs;
    const gc = Math.min(this.#pausesMs - (this.#throttling?.inPausesMs() ?? 0), ownMs);
    const throttled = this.#throttling && Math.min(this.#throttling.ms, ownMs - gc);
    const blocked = Math.min(this.blockedMs, others);
    return {
      run,
      cpu: ownMs - gc - (throttled ?? 0),
      gc,
      throttled,
      offCpu: this.offCpuMs === undefined ? undefined : Math.min(this.offCpuMs, ownMs),
      blocked,
      blockedMax: Math.max(blocked, Math.min(this.blockedMaxMs, others)),
      overlapped: others - blocked,
      idle,
      unexplained: run - ownMs - others - idle,
    };
  }
}

/** The clocks now. */
export function readClocks(busyMs: number, nowMs: number): Clocks {
  return { nowMs, busyMs, idleMs: loopTiming().idleTime };
}
