import type { SpanContext } from "@opentelemetry/api";
import type { BackoffOptions } from "bullmq";
import type { Job, Worker } from "./bullmq_types.ts";
import { metadataIn, waitsForChildren } from "./job_context.ts";

/** A failed attempt after which the job was put back into its queue. */
export interface Requeued {
  /** Unix time. */
  atMs: number;
  /** The span of the attempt that failed. */
  failed: SpanContext;
  /** When the job was added, and which attempt it was, of those that have ended and those that have begun. */
  timestamp: number;
  attemptsMade: number;
  attemptsStarted: number | undefined;
}

/** Jobs that are remembered: those that another process takes stay. */
const REMEMBERED = 1_000;

/** Jobs that this process has put back. */
export class RequeuedJobs {
  readonly #jobs = new Map<string, Requeued>();

  /** An attempt of the job has failed, which counts as made later. */
  remember(worker: Worker, { id, timestamp, attemptsMade, attemptsStarted }: Job, failed: SpanContext): void {
    const key = keyOf(worker, id);
    this.#jobs.delete(key); // it is the newest now
    this.#jobs.set(key, { atMs: Date.now(), failed, timestamp, attemptsMade, attemptsStarted });
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > REMEMBERED) this.#jobs.delete(oldest!);
  }

  /** It was not put back after all. */
  forget(worker: Worker, { id }: Job): void {
    this.#jobs.delete(keyOf(worker, id));
  }

  /** What it knows of a job that runs again, once. */
  take(worker: Worker, job: Job): Requeued | undefined {
    if (this.#jobs.size === 0) return undefined;
    const key = keyOf(worker, job.id);
    const requeued = this.#jobs.get(key);
    this.#jobs.delete(key);
    return requeued && follows(job, requeued) ? requeued : undefined;
  }
}

/** The key of a job among those of all queues. */
function keyOf({ qualifiedName }: Worker, id = ""): string {
  return `${qualifiedName} ${id}`;
}

/** Whether no attempt lies between: another process may have made one, and an id may have been given again. */
function follows(job: Job, before: Requeued): boolean {
  return (
    job.timestamp === before.timestamp &&
    job.attemptsMade === before.attemptsMade + 1 &&
    (job.attemptsStarted ?? 1) === (before.attemptsStarted ?? 0) + 1
  );
}

/**
 * How long the job was ready before it started: from the enqueue, or from the instant at which it was put back, less the
 * intended delay; `undefined` where that is not known, as after the death of its worker, or when it waited for its children.
 */
export function waitMs(job: Job, requeued: Requeued | undefined): number | undefined {
  if (job.processedOn === undefined) return undefined;
  const delayMs = requeued ? backoffMs(job.opts?.backoff, job.attemptsMade) : (job.opts?.delay ?? 0);
  if (((job.attemptsStarted ?? 0) > 1 && !requeued) || delayMs === undefined) return undefined;
  if (!requeued && waitsForChildren(metadataIn(job))) return undefined;
  const ms = job.processedOn - (requeued?.atMs ?? job.timestamp) - delayMs;
  if (ms >= 0) return ms;
  // The clocks of two machines differ; but before its delay was over it was ready because somebody changed that, at some time.
  return delayMs > 0 || Number.isNaN(ms) ? undefined : 0;
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
