import { randomBytes } from "node:crypto";
import { type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import {
  JOB_FINAL,
  MESSAGING_BATCH_MESSAGE_COUNT,
  MESSAGING_DESTINATION_NAME,
  MESSAGING_MESSAGE_ID,
  MESSAGING_OPERATION_TYPE,
  MESSAGING_SYSTEM,
} from "../telemetry/names.ts";
import type { JobEnd } from "./send_job.ts";

/** What the attempts of one job have shown. */
interface Attempts {
  isFinal: boolean;
  /** Whether a span says if it is the final one. */
  isSaid: boolean;
  endNs: bigint;
  /** Of the final one. */
  error?: string;
}

/** One request as its trace shows it: the jobs that were added in it, also by its jobs, and how these ended. */
export class RequestTrace {
  readonly traceId = randomBytes(16).toString("hex");
  /** What the spans of the request have as their parent. */
  readonly spanId = randomBytes(8).toString("hex");
  /** When a span arrived last, by `performance.now()`; `undefined`: none has. */
  newsMs: number | undefined;
  #isAnswered = false;
  /** When a job was added, Unix time in ns, by its key. */
  readonly #added = new Map<string, bigint>();
  /** How many jobs a span has added without telling their ids, by the span's id. */
  readonly #unnamed = new Map<string, number>();
  readonly #parentsOfAdds = new Set<string>();
  readonly #jobs = new Map<string, Attempts>();
  /** Jobs that were there already when they were added. */
  readonly #others = new Set<string>();

  /** The trace context that the request carries: record it (https://www.w3.org/TR/trace-context/#sampled-flag). */
  get traceparent(): string {
    return `00-${this.traceId}-${this.spanId}-01`;
  }

  /** A span of the trace has arrived. */
  add(span: Span): void {
    this.newsMs = performance.now();
    if (span.parentSpanId === this.spanId) this.#isAnswered = true; // it ends with the answer
    if (span.kind === SpanKind.PRODUCER) this.#addProducer(span);
    else if (isAttempt(span)) this.#addAttempt(span);
  }

  #addProducer({ spanId, parentSpanId, startNs, status, attributes }: Span): void {
    // Messages of other systems may have readers that nobody observes.
    if (attributes[MESSAGING_SYSTEM] !== "bullmq" || status.code === StatusCode.ERROR) return;
    this.#parentsOfAdds.add(parentSpanId);
    const hasId = attributes[MESSAGING_MESSAGE_ID] !== undefined;
    if (hasId) this.#added.set(keyOf({ attributes }), startNs);
    this.#unnamed.set(spanId, Number(attributes[MESSAGING_BATCH_MESSAGE_COUNT] ?? 1) - Number(hasId));
  }

  #addAttempt(span: Span): void {
    const job = this.#jobs.get(keyOf(span)) ?? { isFinal: false, isSaid: false, endNs: 0n };
    job.isSaid ||= span.attributes[JOB_FINAL] !== undefined;
    if (span.endNs > job.endNs) job.endNs = span.endNs;
    if (span.attributes[JOB_FINAL] === true) {
      job.isFinal = true;
      if (span.status.code === StatusCode.ERROR) job.error = errorOf(span);
    }
    this.#jobs.set(keyOf(span), job);
  }

  /** Jobs that were added of which nothing has arrived, and when they were added, Unix time in ns. */
  get unseen(): [key: string, addedNs: bigint][] {
    return [...this.#added].filter(([key]) => !this.#jobs.has(key));
  }

  /** A job is not of this request: it was there already when this one added it. */
  leaveToOthers(key: string): void {
    this.#added.delete(key);
    this.#others.add(key);
  }

  /**
   * How the work of the request ended; `undefined` as long as it goes on: until each job that was added has a final attempt.
   * One that has added none has ended when no span of it has arrived for `graceMs` after that of its answer.
   */
  end(graceMs: number): JobEnd | undefined {
    if (this.#open().length > 0 || this.#missing() > 0) return undefined;
    const jobs = [...this.#jobs.values()];
    const isQuiet = this.newsMs !== undefined && performance.now() - this.newsMs >= graceMs;
    if (jobs.length === 0) return isQuiet && this.#isAnswered ? { state: "no job" } : undefined;
    // More may have been added as long as the spans of the request are on their way.
    if (!this.#isAnswered && !isQuiet) return undefined;
    const lastNs = jobs.reduce((last, { endNs }) => (endNs > last ? endNs : last), 0n);
    const failed = jobs.find(({ error }) => error !== undefined);
    const [first = ""] = this.#jobs.keys();
    return {
      state: failed ? "failed" : "completed",
      ...(failed?.error === undefined ? {} : { error: failed.error }),
      id: idOf(first),
      atMs: Number(lastNs / 1_000n) / 1_000,
    };
  }

  /** What its end waits for. */
  why(): string {
    if (this.newsMs === undefined) return `no span of its trace ${this.traceId} has arrived`;
    const [open] = this.#open();
    if (open !== undefined) {
      const job = this.#jobs.get(open);
      const which = `the job ${idOf(open)} of the queue ${open.slice(0, open.indexOf(" "))}`;
      if (!job) return `no attempt of ${which} has arrived`;
      return job.isSaid ? `the last attempt of ${which} has not arrived` : `no attempt of ${which} says "${JOB_FINAL}"`;
    }
    const missing = this.#missing();
    if (missing > 0) return `the last attempts of ${missing} jobs that were added together have not arrived`;
    return this.#isAnswered
      ? "the span of its answer has arrived, and none of a job"
      : "the span of its answer has not arrived";
  }

  /** Keys of jobs without a final attempt. */
  #open(): string[] {
    const keys = new Set([...this.#added.keys(), ...this.#jobs.keys()]);
    return [...keys].filter((key) => !this.#jobs.get(key)?.isFinal);
  }

  /** How many of the jobs that were added without their ids have no final attempt. */
  #missing(): number {
    // A span below which single jobs are added speaks of the same jobs.
    const all = [...this.#unnamed].reduce((sum, [id, count]) => sum + (this.#parentsOfAdds.has(id) ? 0 : count), 0);
    const ended = [...this.#jobs.keys()].filter((key) => !this.#added.has(key) && !this.#others.has(key));
    return Math.max(0, all - ended.length);
  }
}

/** Whether a span is an attempt of a job. */
export function isAttempt({ kind, attributes }: Span): boolean {
  return kind === SpanKind.CONSUMER && attributes[MESSAGING_OPERATION_TYPE] === "process";
}

/** The queue and the id of a span's job. */
export function keyOf({ attributes }: Pick<Span, "attributes">): string {
  return `${attributes[MESSAGING_DESTINATION_NAME]} ${attributes[MESSAGING_MESSAGE_ID]}`;
}

const idOf = (key: string) => key.slice(key.indexOf(" ") + 1);

function errorOf({ status, events }: Span): string {
  const thrown = events.findLast(({ name }) => name === "exception")?.attributes["exception.message"];
  return String(thrown ?? (status.message || "no reason given"));
}
