import { type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import { SPAN_CPU_MS } from "../telemetry/names.ts";
import { callName } from "./call_name.ts";
import { isEnqueueSpan, isJobSpan, type JobFacts, positive, readJobSpan } from "./job_span.ts";
import type { Names } from "./names.ts";

/** What the analysis keeps of a span while its trace is open. */
export interface SpanNode {
  spanId: string;
  parentSpanId: string;
  name: string;
  service: string;
  kind: number;
  /** Unix time. */
  startMs: number;
  endMs: number;
  /** Its own time on the thread. */
  cpuMs: number | undefined;
  failed: boolean;
  /** What it called, of a CLIENT span. */
  call: string | undefined;
  isEnqueue: boolean;
  isServer: boolean;
  job: JobFacts | undefined;
}

/** The node of a span; `undefined` when it has no id or no time. A span that ends before it starts takes no time. */
export function toNode(span: Span, names: Names): SpanNode | undefined {
  const { spanId, traceId, startNs, endNs, kind } = span;
  if (!spanId || !traceId || startNs <= 0n || endNs <= 0n) return undefined;
  const startMs = Number(startNs) / 1e6;
  const call = callName(span);
  const job = isJobSpan(span) ? readJobSpan(span, names) : undefined;
  return {
    spanId: spanId.slice(0, 64),
    parentSpanId: span.parentSpanId.slice(0, 64),
    name: names.get(span.name),
    service: names.get(span.service),
    kind,
    startMs,
    // The difference of the whole numbers: as ms since 1970 they are exact to a quarter of a microsecond only.
    endMs: endNs > startNs ? startMs + Number(endNs - startNs) / 1e6 : startMs,
    cpuMs: positive(span.attributes[SPAN_CPU_MS]),
    failed: job?.failed ?? span.status.code === StatusCode.ERROR,
    call: call === undefined ? undefined : names.get(call),
    isEnqueue: isEnqueueSpan(span),
    isServer: kind === SpanKind.SERVER,
    job,
  };
}
