import { performance } from "node:perf_hooks";
import type { JobTime } from "./job_time.ts";
import type { Owner } from "./thread_history.ts";
import { ThreadHistory } from "./thread_history.ts";

/** A job continues after others had the thread for a while since it ran last. */
export type OnReturn = (job: JobTime, nowMs: number) => void;

/** Somebody had the thread for so long until `nowMs`; `undefined`: no job. */
export type OnBooked = (job: JobTime | undefined, elapsedMs: number, nowMs: number) => void;

/** Others may have had the thread for so long, in ms, without a look at who could have run instead. */
const UNREMARKABLE_MS = 0.05;

/**
 * Splits the time of the main thread exactly by who has it: it does one thing at a time. Whoever changes the owner calls
 * `switchTo`; times are those of `performance.now()`.
 */
export class ThreadTime {
  /** JavaScript so far, whoever it was for, ms. */
  busyMs = 0;
  readonly history = new ThreadHistory();
  readonly #onReturn: OnReturn;
  readonly #onBooked: OnBooked;
  #owner: Owner | undefined;
  #sinceMs = performance.now();

  constructor(onReturn: OnReturn, onBooked: OnBooked) {
    this.#onReturn = onReturn;
    this.#onBooked = onBooked;
  }

  /** Who has the thread; `undefined`: the event loop itself, as while it waits. */
  get owner(): Owner | undefined {
    return this.#owner;
  }

  switchTo(next: Owner | undefined, nowMs: number = performance.now()): void {
    if (next === this.#owner) return;
    this.book(nowMs);
    this.#owner = next;
    this.history.push(nowMs, this.busyMs, next);
    const job = next?.job;
    if (!job) return;
    if (this.busyMs - job.leftBusyMs > UNREMARKABLE_MS) this.#onReturn(job, nowMs);
  }

  /** Nobody has the thread since `atMs`, or since the last switch. */
  leave(atMs: number): void {
    this.switchTo(undefined, Math.max(atMs, this.#sinceMs));
  }

  /** Credits the owner with its time until now. */
  book(nowMs: number = performance.now()): void {
    const owner = this.#owner;
    const elapsedMs = nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
    if (!owner) return;
    owner.ownMs += elapsedMs;
    this.busyMs += elapsedMs;
    const { job } = owner;
    this.#onBooked(job, elapsedMs, nowMs);
    if (!job) return;
    job.ownMs += elapsedMs;
    job.leftMs = nowMs;
    job.leftBusyMs = this.busyMs;
  }
}
