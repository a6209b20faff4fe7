import { randomBytes } from "node:crypto";
import { type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import {
  BATCH_MESSAGE_IDS,
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
  /** How many jobs a span has added without telling their ids, and when, by the span's id. */
  readonly #unnamed = new Map<string, { count: number; addedNs: bigint }>();
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
    const queue = attributes[MESSAGING_DESTINATION_NAME];
    const together = queue ? attributes[BATCH_MESSAGE_IDS] : undefined; // several flows have no one queue
    const told = [attributes[MESSAGING_MESSAGE_ID] ?? [], together ?? []].flat();
    const keys = new Set(told.map((id) => jobKey(queue, id)));
    for (const key of keys) this.#added.set(key, startNs);
    const count = Number(attributes[MESSAGING_BATCH_MESSAGE_COUNT] ?? 1) - keys.size;
    this.#unnamed.set(spanId, { count, addedNs: startNs });
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
   * One that has added none has ended when no span of it has arrived for `graceMs` after that of its answer. Of jobs that
   * were added together without their ids some may have been there already, once others of them have run and nothing has
   * arrived for `othersMs`, nor for as long as all that has taken.
   */
  end(graceMs: number, othersMs = graceMs): JobEnd | undefined {
    if (this.#open().length > 0) return undefined;
    const jobs = [...this.#jobs.values()];
    const quietMs = performance.now() - (this.newsMs ?? Number.POSITIVE_INFINITY);
    const isQuiet = quietMs >= graceMs;
    const lastNs = jobs.reduce((last, { endNs }) => (endNs > last ? endNs : last), 0n);
    if (this.#missing() > 0) {
      const tookMs = Math.max(...[...this.#unnamed.values()].map(({ addedNs }) => Number(lastNs - addedNs) / 1e6));
      if (this.#ranUnnamed() === 0 || quietMs < Math.max(othersMs, tookMs)) return undefined;
    }
    if (jobs.length === 0) return isQuiet && this.#isAnswered ? { state: "no job" } : undefined;
    // More may have been added as long as the spans of the request are on their way.
    if (!this.#isAnswered && !isQuiet) return undefined;
    const failed = jobs.find(({ error }) => error !== undefined);
    const [first] = this.#jobs.keys();
    return {
      state: failed ? "failed" : "completed",
      ...(failed?.error === undefined ? {} : { error: failed.error }),
      ...(first === undefined ? {} : { id: partsOf(first)[1] }),
      atMs: Number(lastNs / 1_000n) / 1_000,
    };
  }

  /** What its end waits for. */
  why(): string {
    if (this.newsMs === undefined) return `no span of its trace ${this.traceId} has arrived`;
    const [open] = this.#open();
    if (open !== undefined) {
      const job = this.#jobs.get(open);
      const [queue, id] = partsOf(open);
      const which = `the job ${id} of the queue ${queue}`;
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
    const counted = [...this.#unnamed].filter(([id]) => !this.#parentsOfAdds.has(id));
    return Math.max(0, counted.reduce((sum, [, { count }]) => sum + count, 0) - this.#ranUnnamed());
  }

  #ranUnnamed(): number {
    return [...this.#jobs.keys()].filter((key) => !this.#added.has(key) && !this.#others.has(key)).length;
  }
}

/** Whether a span is an attempt of a job. */
export function isAttempt({ kind, attributes }: Span): boolean {
  return kind === SpanKind.CONSUMER && attributes[MESSAGING_OPERATION_TYPE] === "process";
}

/** The queue and the id of a span's job. */
export function keyOf({ attributes }: Pick<Span, "attributes">): string {
  return jobKey(attributes[MESSAGING_DESTINATION_NAME], attributes[MESSAGING_MESSAGE_ID]);
}

function jobKey(queue: unknown, id: unknown): string {
  return JSON.stringify([String(queue), String(id)]); // either may hold anything
}

function partsOf(key: string): [queue: string, id: string] {
  return JSON.parse(key);
}

function errorOf({ status, events }: Span): string {
  const thrown = events.findLast(({ name }) => name === "exception")?.attributes["exception.message"];
  return String(thrown ?? (status.message || "no reason given"));
}
