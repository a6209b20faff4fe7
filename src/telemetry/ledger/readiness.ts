import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers";
import type { JobTime } from "./job_time.ts";
import { loopTiming } from "./loop_timing.ts";
import type { Owner } from "./thread_history.ts";

/** When others stood in the way of a job: surely in one interval, and perhaps from `possibleFromMs` until it continued. */
export interface Hindrance {
  sureFromMs: number;
  sureUntilMs: number;
  possibleFromMs: number;
}

/** Since when a callback could have run: surely since `sureMs`, perhaps since `possibleMs`, which is not later. */
interface Ready {
  sureMs: number;
  possibleMs: number;
}

/** What runs: a callback of the event loop, in libuv's words a timer, an immediate, or an I/O event. */
interface Task {
  beganMs: number;
  /** The job that it belongs to. */
  job: JobTime | undefined;
  ready: Ready;
}

/**
 * Knows of each callback of the event loop when it could have run. A timer says so itself. An I/O event was there when the
 * loop last looked for events, and had not been there the time before; when the loop waited, it came at that moment.
 *
 * @see https://docs.libuv.org/en/v1.x/design.html#the-i-o-loop
 */
export class Readiness {
  readonly #originMs = timerOrigin();
  #loopCount = -1;
  #idleMs = 0;
  /** When the loop last looked for events, and the time before. */
  #poll: Ready = { sureMs: 0, possibleMs: 0 };
  #task: Task = { beganMs: 0, job: undefined, ready: this.#poll };

  /** A callback of the event loop begins. */
  begin(resource: object, owner: Owner, nowMs: number): void {
    const { uvMetricsInfo, idleTime } = loopTiming();
    const { loopCount } = uvMetricsInfo;
    if (loopCount !== this.#loopCount) {
      this.#loopCount = loopCount;
      this.#poll = { sureMs: nowMs, possibleMs: idleTime > this.#idleMs ? nowMs : this.#poll.sureMs };
      this.#idleMs = idleTime;
    }
    this.#task = { beganMs: nowMs, job: owner.job, ready: this.#readyOf(resource as Resource, owner.job) };
  }

  #readyOf(resource: Resource, job: JobTime | undefined): Ready {
    if (resource._idleTimeout !== undefined && resource._idleStart !== undefined) {
      const dueMs = this.#originMs + resource._idleStart + resource._idleTimeout;
      return { sureMs: dueMs, possibleMs: dueMs };
    }
    // The job has asked for it itself, to run as soon as may be.
    if (resource._onImmediate !== undefined && job) return { sureMs: job.leftMs, possibleMs: job.leftMs };
    return this.#poll;
  }

  /** Between when and when others stood in the way of a job that continues now. */
  ofReturn(job: JobTime, nowMs: number): Hindrance {
    const { beganMs, ready, job: taskJob } = this.#task;
    // Something in this callback has settled what the job waits for, and it is not seen when.
    if (job.leftMs >= beganMs || (taskJob && taskJob !== job)) {
      return { sureFromMs: nowMs, sureUntilMs: nowMs, possibleFromMs: Math.max(beganMs, job.leftMs) };
    }
    return {
      sureFromMs: Math.max(ready.sureMs, job.leftMs),
      // In a callback that belongs to nobody, as that of a shared connection, what ran first ran for this job too.
      sureUntilMs: taskJob ? nowMs : beganMs,
      possibleFromMs: Math.max(ready.possibleMs, job.leftMs),
    };
  }
}

/** Fields of Node's timers and immediates. */
interface Resource {
  /** When it was set, in ms of libuv's clock, and for how long. */
  _idleStart?: number;
  _idleTimeout?: number;
  _onImmediate?: unknown;
}

/** What `performance.now()` is at 0 of libuv's clock, which counts whole ms; of some tries, as others may take the CPU meanwhile. */
function timerOrigin(): number {
  const tries = Array.from({ length: 5 }, () => {
    const timer = setTimeout(() => {}, 1);
    clearTimeout(timer);
    return performance.now() - ((timer as Resource)._idleStart ?? 0);
  });
  return Math.min(...tries);
}
