import type { Context, SpanContext } from "@opentelemetry/api";
import type { BackoffOptions, Job, Span } from "bullmq";

/** A failed attempt after which the job was put back into its queue. */
export interface Requeued {
  /** Unix time. */
  atMs: number;
  /** It was to wait for its backoff then. */
  isDelayed: boolean;
  /** The span of the attempt that failed. */
  failed: SpanContext | undefined;
}

/** Jobs that are remembered: those that another process takes stay. */
const REMEMBERED = 1_000;

/**
 * Jobs that this process has put back. BullMQ 6.7 writes the failed attempt's context beside the job and never reads it,
 * so what a retry in another process follows is not known.
 */
export class RequeuedJobs {
  readonly #jobs = new Map<string, Requeued>();

  /**
   * What BullMQ asks of a span, when it is one for putting a job back: by its name that is `retry <queue>`, at once, or
   * `delay <queue>`. `undefined` otherwise. `attemptOf` knows the span of the attempt that a job is in.
   */
  span(name: string, attemptOf: (queue: string, id: string) => SpanContext | undefined): Span<Context> | undefined {
    const isDelayed = name.startsWith("delay ");
    if (!isDelayed && !name.startsWith("retry ")) return undefined;
    const queue = name.slice("delay ".length); // both are as long
    const requeued: Requeued = { atMs: Date.now(), isDelayed, failed: undefined };
    return {
      setSpanOnContext: (active) => active,
      setAttribute() {},
      setAttributes: ({ "bullmq.job.id": id }) => {
        if (id === undefined) return;
        requeued.failed = attemptOf(queue, String(id));
        this.#remember(String(id), requeued);
      },
      addEvent() {},
      recordException() {},
      end() {},
    };
  }

  #remember(id: string, requeued: Requeued): void {
    this.#jobs.set(id, requeued);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > REMEMBERED) this.#jobs.delete(oldest!);
  }

  /** What it knows of a job that runs again, once. */
  take({ id = "" }: Pick<Job, "id">): Requeued | undefined {
    if (this.#jobs.size === 0) return undefined;
    const requeued = this.#jobs.get(id);
    this.#jobs.delete(id);
    return requeued;
  }
}

/** The backoff before the attempt that follows `attemptsMade`, ms; `undefined` when it is random or the user's own. */
export function backoffMs(backoff: number | BackoffOptions | undefined, attemptsMade: number): number | undefined {
  if (!backoff) return 0;
  if (typeof backoff === "number") return backoff;
  const { type, delay = 0, jitter = 0 } = backoff;
  if (jitter > 0) return undefined;
  if (type === "exponential") return Math.round(2 ** (attemptsMade - 1) * delay);
  return type === "fixed" ? delay : undefined;
}
