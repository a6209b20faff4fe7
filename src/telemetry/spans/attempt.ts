import { type Context, context, type Span, SpanKind, type Tracer, trace } from "@opentelemetry/api";
import type { Ledger } from "../ledger/ledger.ts";
import { contextOfJob } from "../ledger/owner.ts";
import * as names from "../names.ts";
import type { Job, Worker } from "./bullmq_types.ts";
import { recordError } from "./errors.ts";
import { harmless } from "./harmless.ts";
import { contextOf, metadataIn } from "./job_context.ts";
import { type RequeuedJobs, waitMs } from "./requeue.ts";
import type { RunningAttempt, RunningAttempts } from "./running_attempts.ts";

/** What all attempts of a process share. */
export interface Surroundings {
  tracer: Tracer;
  /** Where the time of jobs is booked; without one only how long they ran is measured. */
  ledger: Ledger | undefined;
  /**
   * How the job span of a retry refers to the attempts before: all have the enqueue as their parent, or it has a link to
   * the last one besides.
   */
  retryAs: "parent" | "link";
  requeued: RequeuedJobs;
  running: RunningAttempts;
}

const OPTIONS = { kind: SpanKind.CONSUMER };

/**
 * One attempt of a job, from the moment at which its worker has it to the one at which the store has its result. The job span
 * begins with the handler, or with the attempt where no handler is called.
 */
export class Attempt implements RunningAttempt {
  readonly worker: Worker;
  readonly job: Job;
  readonly #around: Surroundings;
  readonly #startTime = Date.now();
  readonly #madeBefore: number;
  #parent: Context | undefined;
  #span: Span | undefined;
  /** The handler's, ms of `performance.now()`; `undefined`: it does not run here. */
  #beganMs: number | undefined;
  /** Its place among the attempts that are under way. */
  index = -1;
  place = -1;
  isElsewhere = false;
  #isMoved = false;
  #isLost = false;
  #isRequeued = false;

  constructor(around: Surroundings, worker: Worker, job: Job) {
    this.#around = around;
    this.worker = worker;
    this.job = job;
    this.#madeBefore = job.attemptsMade;
  }

  /** Calls the handler in a job scope; `isElsewhere`: in another process or thread, where none can be opened. */
  run<T>(call: () => T, isElsewhere: boolean): Promise<Awaited<T>> {
    const inner = harmless(() => this.#enter(isElsewhere));
    return (inner ? context.with(inner, called, undefined, call) : called(call)).then(
      (result) => {
        harmless(() => this.#leave());
        return result;
      },
      (error) => {
        harmless(() => this.#fail(error));
        harmless(() => this.#leave());
        throw error;
      },
    ) as Promise<Awaited<T>>;
  }

  /** The context in which the handler is to run, if it runs here. */
  #enter(isElsewhere: boolean): Context | undefined {
    const span = this.#begin();
    const { running, ledger } = this.#around;
    running.add(this, isElsewhere);
    if (isElsewhere) return undefined;
    const inner = contextOfJob(this.job.name, trace.setSpan(this.#parent!, span)); // which `#begin` has set
    this.#beganMs = performance.now();
    ledger?.beginJob(span);
    return inner;
  }

  #leave(): void {
    const { running, ledger } = this.#around;
    running.remove(this);
    if (this.#beganMs === undefined || !this.#span) return;
    if (ledger) ledger.endJob(this.#span);
    else this.#span.setAttribute(names.JOB_RUN_MS, performance.now() - this.#beganMs);
  }

  #fail(error: unknown): void {
    this.#isMoved = isMove(error);
    if (!this.#isMoved && this.#span) recordError(this.#span, error);
  }

  #begin(startTime?: number): Span {
    this.#span ??= this.#start(startTime);
    return this.#span;
  }

  #start(startTime: number | undefined): Span {
    const { worker, job } = this;
    const { tracer, requeued, retryAs } = this.#around;
    const before = requeued.take(worker, job);
    // A job that nobody traced begins a trace; the worker's loop has no context of its own to offer.
    this.#parent = contextOf(metadataIn(job));
    // With attributes among the options the SDK copies them three times, for samplers; those that there are do not look at them.
    const options = startTime ? { kind: SpanKind.CONSUMER, startTime } : OPTIONS;
    const span = tracer.startSpan(`process ${worker.name}`, options, this.#parent).setAttributes({
      [names.MESSAGING_SYSTEM]: "bullmq",
      [names.MESSAGING_OPERATION_TYPE]: "process",
      [names.MESSAGING_OPERATION_NAME]: "process",
      [names.MESSAGING_DESTINATION_NAME]: worker.name,
      [names.MESSAGING_MESSAGE_ID]: job.id,
      [names.MESSAGING_CLIENT_ID]: worker.id,
      [names.BULLMQ_JOB_NAME]: job.name,
      [names.JOB_WAIT_MS]: waitMs(job, before), // left out when it is undefined
    });
    if (before && retryAs === "link") span.addLink({ context: before.failed });
    return span;
  }

  /**
   * The worker is about to tell the store that it has failed: the job is over, or put back into its queue. Where `isHandlerSeen`
   * is false, its handler may have run without `run`.
   */
  failing(error: unknown, isHandlerSeen: boolean): void {
    const isProcessed = this.#span !== undefined || !isHandlerSeen;
    const span = this.#begin(this.#startTime);
    recordError(span, isProcessed ? error : new UnprocessedError((error as Error).message)); // the worker's own
    this.#isRequeued = true;
    this.#around.requeued.remember(this.worker, this.job, span.spanContext());
  }

  loseLock(): boolean {
    if (this.#isLost) return false;
    this.#isLost = true;
    this.#span?.setAttribute(names.JOB_LOCK_LOST, true);
    return true;
  }

  /** The store has its result, or will never have it. */
  end(): void {
    const { job } = this;
    const isFinished = typeof job.finishedOn === "number";
    if (!this.#span && !isFinished) return; // the worker closes: it has left the job alone
    const span = this.#begin(this.#startTime);
    const isCounted = job.attemptsMade > this.#madeBefore;
    if (isCounted) span.setAttribute(names.BULLMQ_JOB_ATTEMPTS_MADE, job.attemptsMade);
    if (isFinished || isCounted || this.#isMoved) span.setAttribute(names.JOB_FINAL, isFinished);
    if (this.#isRequeued && (isFinished || !isCounted)) this.#around.requeued.forget(this.worker, job);
    span.end();
  }
}

/** JavaScript may return no promise, or throw before it does. */
function called(call: () => unknown): Promise<unknown> {
  try {
    return Promise.resolve(call());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Errors of handlers that have put their job elsewhere: it has not failed, and comes back. */
const MOVES = new Set<unknown>(["DelayedError", "WaitingError", "WaitingChildrenError"]);

/** As BullMQ itself tells them: by the name, or the message where the queue is limited. */
function isMove(thrown: unknown): boolean {
  const { name, message } = Object(thrown) as { name?: unknown; message?: unknown };
  return MOVES.has(name) || message === "bullmq:rateLimitExceeded";
}

class UnprocessedError extends Error {
  override name = "UnprocessedError";
}
