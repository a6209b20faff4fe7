import type { ReviewEvents } from "./review_queue.ts";

/** A reader that has just begun may miss an end; who asks meanwhile is answered, and asks again, after this, in ms. */
const FIRST_WAIT_MS = 500;
/** How long a reader counts as one that has just begun, in ms. */
const BEGUN_MS = 2_000;

/** Knows when jobs end, by the events of the queue, which it reads from the first question on. */
export class ReviewEnds {
  readonly #open: () => ReviewEvents;
  #reader: { events: ReviewEvents; beganMs: number } | undefined;
  readonly #waiting = new Map<string, Set<() => void>>();
  #isClosed = false;

  constructor(open: () => ReviewEvents) {
    this.#open = open;
  }

  /**
   * Resolves when the job has ended, `isEnded` says that it had already, `signal` aborts or `ms` have passed, whichever
   * is first. When the store is away or an event was missed, it is the last of these.
   */
  async wait(
    id: string,
    ms: number,
    { isEnded, signal }: { isEnded: () => Promise<boolean>; signal: AbortSignal },
  ): Promise<void> {
    this.#reader ??= this.#read();
    const isNew = performance.now() - this.#reader.beganMs < BEGUN_MS;
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    let timer: NodeJS.Timeout | undefined;
    let finish = () => {};
    const ended = new Promise<void>((resolve) => {
      finish = resolve;
      waiting.add(resolve);
      timer = setTimeout(resolve, isNew ? Math.min(ms, FIRST_WAIT_MS) : ms);
      signal.addEventListener("abort", resolve as () => void, { once: true });
    });
    try {
      // Asked after the listener is there: what ends in between is heard.
      if (this.#isClosed || signal.aborted || (await isEnded())) return;
      await ended;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      waiting.delete(finish);
      if (waiting.size === 0) this.#waiting.delete(id);
    }
  }

  /** Answers all who wait, and ends the reader. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of this.#waiting.keys()) this.#tell(id);
    await this.#reader?.events.close().catch(() => {}); // the store is away
  }

  #read(): { events: ReviewEvents; beganMs: number } {
    const events = this.#open();
    const tell = ({ jobId }: { jobId: string }) => this.#tell(jobId);
    events.on("completed", tell).on("failed", tell);
    events.on("error", () => {}); // the queue has the same store, and says it
    const reader = { events, beganMs: performance.now() };
    events.run().catch(() => {
      if (this.#reader === reader) this.#reader = undefined; // the next question begins anew
      events.close().catch(() => {});
    });
    return reader;
  }

  #tell(id: string): void {
    for (const resolve of this.#waiting.get(id) ?? []) resolve();
  }
}
