import { setTimeout } from "node:timers/promises";
import type { ReviewEvents } from "./review_queue.ts";

/**
 * Between two looks at a job that somebody waits for, in ms. PostgreSQL: an event that is committed after one with a
 * higher number is never read, which was 1 of 100 under load.
 */
const LOOK_MS = 250;

/** Knows when jobs end, by the events of the queue, which it reads from the first question on. */
export class ReviewEnds {
  readonly #open: () => ReviewEvents;
  #events: ReviewEvents | undefined;
  readonly #waiting = new Map<string, Set<AbortController>>();
  readonly #closed = new AbortController();

  constructor(open: () => ReviewEvents) {
    this.#open = open;
  }

  /** Resolves when the job has ended, `signal` aborts or `ms` have passed, whichever is first. */
  async wait(
    id: string,
    ms: number,
    { isEnded, signal }: { isEnded: () => Promise<boolean>; signal: AbortSignal },
  ): Promise<void> {
    this.#events ??= this.#read();
    const told = new AbortController();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(told));
    const over = AbortSignal.any([told.signal, signal, this.#closed.signal]);
    const deadline = performance.now() + ms;
    try {
      while (!over.aborted && !(await isEnded())) {
        const restMs = deadline - performance.now();
        if (restMs <= 0) return;
        await setTimeout(Math.min(restMs, LOOK_MS), undefined, { signal: over }).catch(() => {});
      }
    } finally {
      waiting.delete(told);
      if (waiting.size === 0) this.#waiting.delete(id);
    }
  }

  /** Answers all who wait, and ends the reader. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#events?.close().catch(() => {}); // the store is away
  }

  #read(): ReviewEvents {
    const events = this.#open();
    const tell = ({ jobId }: { jobId: string }) => {
      for (const told of this.#waiting.get(jobId) ?? []) told.abort();
    };
    events.on("completed", tell).on("failed", tell);
    events.on("error", () => {}); // the queue has the same store, and says it
    events.run().catch(() => {
      if (this.#events === events) this.#events = undefined; // the next question begins anew
      events.close().catch(() => {});
    });
    return events;
  }
}
