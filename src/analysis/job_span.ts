import { type Attributes, type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import * as names from "../telemetry/names.ts";
import type { Names } from "./names.ts";
import type { Parts } from "./report.ts";

/** What a job span says of its attempt. */
export interface JobFacts {
  name: string;
  queue: string;
  /** 1 for the first. */
  attempt: number;
  failed: boolean;
  /** Absent where it is not known. */
  waitMs?: number;
  runMs?: number;
  /** Without `wait`; empty without the ledger. */
  parts: Parts;
  /** Of cpu, gc and throttled: how long the thread had no CPU. */
  offCpuMs?: number;
  /** The most that `blocked` may be. */
  blockedMaxMs?: number;
  /** The process that ran it. */
  process: string;
  /** Of the worker, where its instrumentation tells. */
  concurrency?: number;
  lockMs?: number;
}

const PART_ATTRIBUTES = [
  ["cpu", names.JOB_CPU_MS],
  ["gc", names.JOB_GC_MS],
  ["throttled", names.JOB_THROTTLED_MS],
  ["blocked", names.JOB_BLOCKED_MS],
  ["overlapped", names.JOB_OVERLAPPED_MS],
  ["idle", names.JOB_IDLE_MS],
  ["unexplained", names.JOB_UNEXPLAINED_MS],
] as const;

/** Names that `@appsignal/opentelemetry-instrumentation-bullmq` gives, which serves BullMQ 2 to 5. */
const APPSIGNAL = "messaging.bullmq.";

/** Whether a span is an attempt of a job, by kind and attributes. */
export function isJobSpan({ kind, attributes }: Span): boolean {
  if (kind !== SpanKind.CONSUMER) return false;
  const operation = attributes[names.MESSAGING_OPERATION_TYPE] ?? attributes["messaging.operation"];
  if (operation !== undefined) return operation === "process";
  for (const name in attributes) if (name.startsWith("bullmq.") || name.startsWith(APPSIGNAL)) return true;
  return false;
}

/** Whether a span put a job into a queue. */
export function isEnqueueSpan({ kind, attributes }: Span): boolean {
  if (kind !== SpanKind.PRODUCER) return false;
  if (attributes[names.MESSAGING_SYSTEM] === "bullmq") return true;
  for (const name in attributes) if (name.startsWith("bullmq.") || name.startsWith(APPSIGNAL)) return true;
  return false;
}

/** Reads a job span; what is missing or no number is left out. */
export function readJobSpan(span: Span, known: Names): JobFacts {
  const { attributes, resource } = span;
  const text = (...keys: string[]) => known.get(String(first(attributes, keys) ?? ""));
  const queue = text(names.MESSAGING_DESTINATION_NAME, "bullmq.queue.name");
  const parts: Parts = {};
  for (const [part, attribute] of PART_ATTRIBUTES) {
    const ms = finite(attributes[attribute]);
    // Only the rest may be negative.
    if (ms !== undefined) parts[part] = part === "unexplained" ? ms : Math.max(0, ms);
  }
  const instance = resource["service.instance.id"] ?? resource["process.pid"] ?? attributes[names.MESSAGING_CLIENT_ID];
  return {
    name: text(names.BULLMQ_JOB_NAME, `${APPSIGNAL}job.name`) || queue || known.get(span.name),
    queue,
    attempt: attemptOf(attributes),
    failed:
      span.status.code === StatusCode.ERROR ||
      // bullmq-otel leaves the status of a failed job unset.
      span.events.some(({ name }) => name === "job failed"),
    ...optional("waitMs", waitOf(span)),
    ...optional("runMs", positive(attributes[names.JOB_RUN_MS])),
    parts,
    ...optional("offCpuMs", positive(attributes[names.JOB_OFF_CPU_MS])),
    ...optional("blockedMaxMs", positive(attributes[names.JOB_BLOCKED_MAX_MS])),
    process: known.get(String(instance ?? "")),
    ...optional("concurrency", positive(attributes[`${APPSIGNAL}worker.concurrency`])),
    ...optional("lockMs", positive(attributes[`${APPSIGNAL}worker.lockDuration`])),
  };
}

function attemptOf(attributes: Attributes): number {
  // The first counts attempts that have ended, this one included; the second those before it.
  const attempt =
    positive(attributes[names.BULLMQ_JOB_ATTEMPTS_MADE]) ?? (positive(attributes[`${APPSIGNAL}job.attempts`]) ?? 0) + 1;
  return Math.max(1, Math.floor(attempt));
}

function waitOf({ attributes, startNs }: Span): number | undefined {
  const wait = positive(attributes[names.JOB_WAIT_MS]);
  const enqueuedMs = positive(attributes[`${APPSIGNAL}job.timestamp`]);
  if (wait !== undefined || enqueuedMs === undefined || attemptOf(attributes) > 1) return wait;
  return Math.max(0, Number(startNs) / 1e6 - enqueuedMs - (positive(attributes[`${APPSIGNAL}job.delay`]) ?? 0));
}

/** More is nothing that was measured; a million of them still add up to a number. */
const LARGEST = 1e15;

/** A number that is one; `undefined` of anything else, also of NaN and of infinity. */
export function finite(value: unknown): number | undefined {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Math.abs(number) <= LARGEST ? number : undefined;
}

export function positive(value: unknown): number | undefined {
  const number = finite(value);
  return number === undefined ? undefined : Math.max(0, number);
}

/** A property that is left out when there is no value. */
export function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value }); // a computed key is typed as any string
}

/** The value of the first attribute that is there. */
export function first(attributes: Attributes, keys: readonly string[]): Attributes[string] | undefined {
  for (const key of keys) if (attributes[key] !== undefined && attributes[key] !== null) return attributes[key];
  return undefined;
}
