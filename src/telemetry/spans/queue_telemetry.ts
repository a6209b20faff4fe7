import {
  type Context,
  context,
  INVALID_SPANID,
  INVALID_TRACEID,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Attributes, Job, Span as QueueSpan, Telemetry } from "bullmq";
import * as names from "../names.ts";
import { Attempt, EXPORTED, keyOf, type RunningAttempts } from "./attempt.ts";
import { recordError } from "./errors.ts";
import { LINKED_ROOT } from "./linked_context.ts";
import { RequeuedJobs } from "./requeue.ts";

/** What makes the spans of one queue store's queues and workers. */
export interface QueueTelemetry {
  /** For BullMQ's `telemetry` option. */
  telemetry: Telemetry<Context>;
  /** The attempt of that job that begins; `undefined` when its worker has no telemetry, as in a sandbox. */
  attemptOf(job: Job): Attempt | undefined;
  /** The context that the job has brought with it. */
  contextOf(job: Job): Context;
}

/**
 * BullMQ's telemetry interface on an OpenTelemetry tracer: a PRODUCER span for each `add`, ONE CONSUMER span for each
 * attempt of a job (the job span), and nothing for polling, locks and housekeeping. The trace context travels in the
 * job's options, in the form of BullMQ's own adapter, so either side may be observed by that one.
 *
 * The context of an attempt is for its processor alone (`Attempt.begin`): to take BullMQ's own promises along costs as
 * much as the span does.
 */
export function createQueueTelemetry(tracer: Tracer, requeuedJobs = new RequeuedJobs()): QueueTelemetry {
  const attempts: RunningAttempts = Object.create(null);
  return {
    attemptOf: (job) => attempts[keyOf(job.queueName, job.id)],
    contextOf: (job) => contextOf(job.opts?.telemetry?.metadata ?? ""),
    telemetry: {
      tracer: {
        startSpan: (name, { kind } = unknownKind, parent) => {
          if (kind === SpanKind.PRODUCER) return new ProducerSpan(tracer.startSpan(name, { kind }, parent));
          // A job that nobody traced begins a trace; the worker's loop has no context of its own to offer.
          if (kind === SpanKind.CONSUMER)
            return new Attempt(tracer, { name, parent: parent ?? ROOT_CONTEXT, attempts });
          return requeuedJobs.span(name, (queue, id) => attempts[keyOf(queue, id)]?.spanContext) ?? unrecorded;
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
    },
  };
}

/** What adapters write when there is a trace parent and nothing else. */
const PARENT_ALONE = /^\{"traceparent":"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"\}$/;

/** The context that a job brings. The usual one is read without a parser and three objects: most of what that costs. */
function contextOf(metadata: string): Context {
  if (!PARENT_ALONE.test(metadata) || !readsTraceParent()) {
    return propagation.extract(LINKED_ROOT, parseCarrier(metadata));
  }
  const traceId = metadata.slice(19, 51);
  const spanId = metadata.slice(52, 68);
  if (traceId === INVALID_TRACEID || spanId === INVALID_SPANID) return LINKED_ROOT;
  const parent = { traceId, spanId, traceFlags: Number.parseInt(metadata.slice(69, 71), 16), isRemote: true };
  return trace.setSpanContext(LINKED_ROOT, parent);
}

let fields: string[] | undefined;

/** It makes a new list at each call. */
function readsTraceParent(): boolean {
  if (!fields?.length) fields = propagation.fields(); // none as long as there is no propagator
  return fields.includes("traceparent");
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

/** A PRODUCER span. BullMQ hands it options of the job too: those stay out, they are the user's data. */
class ProducerSpan implements QueueSpan<Context> {
  readonly #span: Span;

  constructor(span: Span) {
    this.#span = span;
    span.setAttributes({ [names.MESSAGING_SYSTEM]: "bullmq", [names.MESSAGING_OPERATION_TYPE]: "send" });
  }

  setSpanOnContext(active: Context): Context {
    return trace.setSpan(active, this.#span);
  }

  setAttribute(key: string, value: Attributes[string]): void {
    const name = EXPORTED[key];
    if (name && value !== undefined) this.#span.setAttribute(name, value);
  }

  setAttributes(attributes: Attributes): void {
    for (const key in attributes) this.setAttribute(key, attributes[key]);
  }

  addEvent(): void {}

  recordException(exception: unknown): void {
    recordError(this.#span, exception);
  }

  end(): void {
    this.#span.end();
  }
}
