import type { Job, Worker } from "./bullmq_types.ts";

export interface RunningAttempt {
  readonly worker: Worker;
  readonly job: Job;
  /** Its place among those that run, and whether that is in another process or thread; `RunningAttempts` keeps both. */
  place: number;
  isElsewhere: boolean;
  /** Its lock could not be renewed; whether that is new. */
  loseLock(): boolean;
}

/** The attempts whose handlers run. */
export class RunningAttempts {
  /** An array, as what a Map has outgrown keeps every job that was in it until all of the heap is collected. */
  readonly #all: RunningAttempt[] = [];
  #elsewhere = 0;
  #hasBegun = false;

  add(attempt: RunningAttempt, isElsewhere: boolean): void {
    attempt.place = this.#all.length;
    attempt.isElsewhere = isElsewhere;
    this.#all.push(attempt);
    if (isElsewhere) this.#elsewhere++;
    else this.#hasBegun = true;
  }

  remove(attempt: RunningAttempt): void {
    if (this.#all[attempt.place] !== attempt) return;
    const last = this.#all.pop()!;
    if (attempt.isElsewhere) this.#elsewhere--;
    if (last === attempt) return;
    this.#all[attempt.place] = last;
    last.place = attempt.place;
  }

  /** How many run in this thread; `undefined` before the first. */
  get count(): number | undefined {
    return this.#hasBegun ? this.#all.length - this.#elsewhere : undefined;
  }

  /** Those of a worker, of the jobs with these ids. */
  find(worker: Worker, ids: string[]): RunningAttempt[] {
    return this.#all.filter((attempt) => attempt.worker === worker && ids.includes(String(attempt.job.id)));
  }
}
