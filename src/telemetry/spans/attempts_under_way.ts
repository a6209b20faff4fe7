import type { Attempt } from "./attempt.ts";
import type { Job } from "./bullmq_types.ts";

/**
 * The attempts that workers are at, by their jobs. Nothing of it is on the job, which an application may copy, print and keep; and
 * an array, as a `WeakMap` would cost more than the rest of an attempt.
 */
export class AttemptsUnderWay {
  readonly #all: Attempt[] = [];

  add(attempt: Attempt): void {
    attempt.index = this.#all.push(attempt) - 1;
  }

  /** Of a job that has just begun it is the last; only failures look further. */
  of(job: Job): Attempt | undefined {
    for (let i = this.#all.length - 1; i >= 0; i--) if (this.#all[i]!.job === job) return this.#all[i];
    return undefined;
  }

  remove(attempt: Attempt): void {
    const last = this.#all.pop()!; // there is at least this one
    if (last === attempt) return;
    this.#all[attempt.index] = last;
    last.index = attempt.index;
  }
}
