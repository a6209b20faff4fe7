import type { SpanContext } from "@opentelemetry/api";
import type { BackoffOptions } from "bullmq";
import type { Job } from "./bullmq_types.ts";

/** A failed attempt after which the job was put back into its queue. */
export interface Requeued {
  /** Unix time. */
  atMs: number;
  /** The span of the attempt that failed. */
  failed: SpanContext;
}

/** Jobs that are remembered: those that another process takes stay. */
const REMEMBERED = 1_000;

/** Jobs that this process has put back, by a key of queue and id. */
export class RequeuedJobs {
  readonly #jobs = new Map<string, Requeued>();

  remember(key: string, requeued: Requeued): void {
    this.#jobs.set(key, requeued);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > REMEMBERED) this.#jobs.delete(oldest!);
  }

  /** It was not put back after all. */
  forget(key: string): void {
    this.#jobs.delete(key);
  }

  /** What it knows of a job that runs again, once. */
  take(queue: string, id: string | undefined): Requeued | undefined {
    if (this.#jobs.size === 0) return undefined;
    const key = keyOf(queue, id);
    const requeued = this.#jobs.get(key);
    this.#jobs.delete(key);
    return requeued;
  }
}

/** The key of a job among those of all queues. */
export function keyOf(queue: string, id = ""): string {
  return `${queue} ${id}`;
}

/**
 * How long the job was ready before it started: from the enqueue, or from the instant at which it was put back, less the
 * intended delay; `undefined` where that is not known, as after the death of its worker.
 */
export function waitMs(job: Job, requeued: Requeued | undefined): number | undefined {
  if (job.processedOn === undefined) return undefined;
  const delayMs = requeued ? backoffMs(job.opts?.backoff, job.attemptsMade) : (job.opts?.delay ?? 0);
  if (((job.attemptsStarted ?? 0) > 1 && !requeued) || delayMs === undefined) return undefined;
  return Math.max(0, job.processedOn - (requeued?.atMs ?? job.timestamp) - delayMs);
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
