import { type Context, context, type Span, type SpanContext, SpanKind, type Tracer } from "@opentelemetry/api";
import type { Attributes, Span as QueueSpan } from "bullmq";
import * as names from "../names.ts";
import { recordError } from "./errors.ts";

const OPTIONS = { kind: SpanKind.CONSUMER };

/**
 * The attempts that run, by `keyOf`: an object. A table that a `Map` has outgrown keeps what was in it, and the next table, until
 * V8 collects all of the heap, and it outgrows one every few jobs.
 */
export type RunningAttempts = Record<string, Attempt | undefined>;

export interface AttemptOptions {
  name: string;
  parent: Context;
  /** Where it is found by its job, until it ends. */
  attempts: RunningAttempts;
}

/**
 * One attempt of a job: its CONSUMER span begins with the processor, and ends when the store has the result. Where nobody
 * calls `begin`, as for a sandboxed processor, the span has the same times, and no context.
 */
export class Attempt implements QueueSpan<Context> {
  readonly #tracer: Tracer;
  readonly #name: string;
  readonly #attempts: RunningAttempts;
  readonly #startTime = Date.now();
  #key = "";
  #attributes: Attributes = { [names.MESSAGING_SYSTEM]: "bullmq", [names.MESSAGING_OPERATION_TYPE]: "process" };
  #span: Span | undefined;
  /** What the job came with. */
  readonly parent: Context;

  constructor(tracer: Tracer, { name, parent, attempts }: AttemptOptions) {
    this.#tracer = tracer;
    this.#name = name;
    this.#attempts = attempts;
    this.parent = parent;
  }

  /** Its span, from now on. */
  begin(attributes: Attributes = {}): Span {
    this.#span ??= this.#start(attributes);
    return this.#span;
  }

  #start(attributes: Attributes, startTime?: number): Span {
    // With attributes among the options the SDK copies them three times, for samplers; those that there are do not look at them.
    const options = startTime ? { kind: SpanKind.CONSUMER, startTime } : OPTIONS;
    const span = this.#tracer.startSpan(this.#name, options, this.parent);
    return span.setAttributes(this.#attributes).setAttributes(attributes);
  }

  get spanContext(): SpanContext | undefined {
    return this.#span?.spanContext();
  }

  setSpanOnContext(): Context {
    return context.active();
  }

  setAttribute(key: string, value: Attributes[string]): void {
    const name = EXPORTED[key];
    if (!name || value === undefined) return;
    if (this.#span) this.#span.setAttribute(name, value);
    else this.#attributes[name] = value;
  }

  setAttributes(attributes: Attributes): void {
    for (const key in attributes) this.setAttribute(key, attributes[key]);
    const id = attributes["bullmq.job.id"];
    if (id === undefined || this.#key) return;
    this.#key = keyOf(String(this.#attributes[names.MESSAGING_DESTINATION_NAME]), String(id));
    this.#attempts[this.#key] = this;
  }

  addEvent(name: string, attributes?: Attributes): void {
    // Reached alone only when BullMQ fails a job without calling its processor; otherwise observeJob has said more.
    if (name !== "job failed") return;
    recordError(this.#spanNow(), new UnprocessedError(String(attributes?.["bullmq.job.failed.reason"])));
  }

  /** These are errors of the queue store, which BullMQ retries: worth an event, not a failed job. */
  recordException(exception: unknown): void {
    this.#spanNow().recordException(exception as Error);
  }

  end(): void {
    this.#spanNow().end();
    if (this.#attempts[this.#key] === this) delete this.#attempts[this.#key];
  }

  #spanNow(): Span {
    this.#span ??= this.#start({}, this.#startTime);
    return this.#span;
  }
}

/** The key of a job among those of all queues. */
export function keyOf(queue: string, id = ""): string {
  return `${queue} ${id}`;
}

class UnprocessedError extends Error {
  override name = "UnprocessedError";
}

/** BullMQ's attributes that go out, and under which name. */
export const EXPORTED: Record<string, string> = {
  "bullmq.queue.name": names.MESSAGING_DESTINATION_NAME,
  "bullmq.queue.operation": names.MESSAGING_OPERATION_NAME,
  "bullmq.job.id": names.MESSAGING_MESSAGE_ID,
  "bullmq.worker.id": names.MESSAGING_CLIENT_ID,
  "bullmq.job.bulk.count": names.MESSAGING_BATCH_MESSAGE_COUNT,
  "bullmq.job.name": names.BULLMQ_JOB_NAME,
  "bullmq.job.attempts.made": names.BULLMQ_JOB_ATTEMPTS_MADE,
};
