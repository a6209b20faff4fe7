import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Attributes, Span as QueueSpan, Telemetry } from "bullmq";
import * as names from "./attributes.ts";
import { recordError } from "./errors.ts";
import { LINKED_ROOT } from "./linked_context.ts";
import { RequeuedJobs } from "./requeue.ts";

/**
 * BullMQ's telemetry interface on an OpenTelemetry tracer: a PRODUCER span for each `add`, ONE CONSUMER span for each
 * attempt of a job (the job span), and nothing for polling, locks and housekeeping. The trace context travels in the
 * job's options, in the form of BullMQ's own adapter, so either side may be observed by that one.
 */
export function createQueueTelemetry(tracer: Tracer, requeuedJobs = new RequeuedJobs()): Telemetry<Context> {
  return {
    tracer: {
      startSpan: (name, { kind } = unknownKind, parent) => {
        if (kind === SpanKind.PRODUCER) return new MessageSpan(tracer.startSpan(name, { kind }, parent), "send");
        // A job that nobody traced begins a trace; the worker's loop has no context of its own to offer.
        if (kind === SpanKind.CONSUMER) {
          return new MessageSpan(tracer.startSpan(name, { kind }, parent ?? ROOT_CONTEXT), "process");
        }
        return requeuedJobs.span(name) ?? unrecorded;
      },
    },
    contextManager: {
      active: () => context.active(),
      root: () => ROOT_CONTEXT,
      // Most of BullMQ's operations have no span of their own and stay in the context that is active.
      with: (wanted, run) => (wanted === context.active() ? run() : context.with(wanted, run)),
      getMetadata: (active) => {
        const carrier: Record<string, string> = {};
        propagation.inject(active, carrier);
        return Object.keys(carrier).length ? JSON.stringify(carrier) : "";
      },
      fromMetadata: (_active, metadata) => contextOf(metadata),
    },
  };
}

/** What adapters write when there is a trace parent and nothing else; its flags at the end. */
const PARENT_ALONE = /^\{"traceparent":"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})"\}$/;

/** The context that a job brings. The usual one is read without a parser and three objects: most of what that costs. */
function contextOf(metadata: string): Context {
  const [, traceId, spanId, flags] = PARENT_ALONE.exec(metadata) ?? [];
  const isUsual = traceId && spanId && propagation.fields().includes("traceparent");
  if (!isUsual) return propagation.extract(LINKED_ROOT, parseCarrier(metadata));
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags ?? "", 16), isRemote: true };
  return isSpanContextValid(parent) ? trace.setSpanContext(LINKED_ROOT, parent) : LINKED_ROOT;
}

function parseCarrier(metadata: string): object {
  try {
    const carrier: unknown = JSON.parse(metadata);
    return typeof carrier === "object" && carrier !== null ? carrier : {};
  } catch {
    return {}; // Somebody else's adapter wrote it: the job begins a trace.
  }
}

const unknownKind = { kind: SpanKind.INTERNAL };

/** What BullMQ asks of a span for the operations that are not exported. */
const unrecorded: QueueSpan<Context> = {
  setSpanOnContext: (active) => active,
  setAttribute() {},
  setAttributes() {},
  addEvent() {},
  recordException() {},
  end() {},
};

/** One PRODUCER or CONSUMER span. BullMQ hands it options and results of the job too: those stay out, they are the user's data. */
class MessageSpan implements QueueSpan<Context> {
  readonly #span: Span;
  readonly #consumer: boolean;

  constructor(span: Span, operationType: "send" | "process") {
    this.#span = span;
    this.#consumer = operationType === "process";
    span.setAttributes({ [names.MESSAGING_SYSTEM]: "bullmq", [names.MESSAGING_OPERATION_TYPE]: operationType });
  }

  setSpanOnContext(active: Context): Context {
    return trace.setSpan(active, this.#span);
  }

  setAttribute(key: string, value: Attributes[string]): void {
    const name = exported[key];
    if (name && value !== undefined) this.#span.setAttribute(name, value);
  }

  setAttributes(attributes: Attributes): void {
    for (const key in attributes) this.setAttribute(key, attributes[key]);
  }

  addEvent(name: string, attributes?: Attributes): void {
    // Reached alone only when BullMQ fails a job without calling its processor; otherwise observeJob has said more.
    const reason = attributes?.["bullmq.job.failed.reason"];
    if (name === "job failed") recordError(this.#span, new UnprocessedError(String(reason)));
  }

  recordException(exception: unknown): void {
    // On a job span these are errors of the queue store, which BullMQ retries: worth an event, not a failed job.
    if (this.#consumer) this.#span.recordException(exception as Error);
    else recordError(this.#span, exception);
  }

  end(): void {
    this.#span.end();
  }
}

class UnprocessedError extends Error {
  override name = "UnprocessedError";
}

/** BullMQ's attributes that go out, and under which name. */
const exported: Record<string, string> = {
  "bullmq.queue.name": names.MESSAGING_DESTINATION_NAME,
  "bullmq.queue.operation": names.MESSAGING_OPERATION_NAME,
  "bullmq.job.id": names.MESSAGING_MESSAGE_ID,
  "bullmq.worker.id": names.MESSAGING_CLIENT_ID,
  "bullmq.job.bulk.count": names.MESSAGING_BATCH_MESSAGE_COUNT,
  "bullmq.job.name": names.BULLMQ_JOB_NAME,
  "bullmq.job.attempts.made": names.BULLMQ_JOB_ATTEMPTS_MADE,
};
