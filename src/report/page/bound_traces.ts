import type { JobTrace } from "../../analysis/report.ts";
import { shown } from "../../terminal/visible_text.ts";
import { type Bounds, round } from "./bounds.ts";
import { groupBy } from "./group_by.ts";

export type PageTrace = Pick<JobTrace, "spanId" | "job" | "why" | "totalMs" | "parts" | "spans"> & { omitted: number };

/** Spans of one trace that are drawn, at most. */
const MOST_A_TRACE = 300;

/** The traces of a page: the first ones, each with its longest spans and their ancestors, a parent before its children. */
export function boundTraces(traces: JobTrace[], bounds: Bounds): PageTrace[] {
  const some = traces.slice(0, bounds.traces);
  const most = Math.min(MOST_A_TRACE, Math.floor(bounds.spans / Math.max(some.length, 1)));
  return some.map((trace) => {
    const spans = inTreeOrder(longest(trace, most));
    return {
      spanId: shown(trace.spanId, 32),
      job: shown(trace.job, 80),
      why: shown(trace.why, 120),
      totalMs: round(trace.totalMs),
      parts: trace.parts,
      omitted: trace.spans.length - spans.length,
      spans: spans.map(({ spanId, parentSpanId, name, service, kind, startMs, durationMs, cpuMs, failed }) => ({
        spanId: shown(spanId, 32),
        parentSpanId: shown(parentSpanId, 32),
        name: shown(name, 100),
        service: shown(service, 40),
        kind,
        startMs: round(startMs),
        durationMs: round(durationMs),
        ...(cpuMs === undefined ? {} : { cpuMs: round(cpuMs) }),
        failed,
      })),
    };
  });
}

type Span = JobTrace["spans"][number];

function longest({ spans, spanId }: JobTrace, most: number): Span[] {
  if (spans.length <= most) return spans;
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const kept = new Set<Span>();
  const candidates = spans.toSorted(
    (a, b) => Number(b.spanId === spanId) - Number(a.spanId === spanId) || b.durationMs - a.durationMs,
  );
  for (const candidate of candidates) {
    const chain: Span[] = [];
    for (let span: Span | undefined = candidate; span && !kept.has(span); span = byId.get(span.parentSpanId)) {
      if (chain.includes(span)) break; // a circle, as no tracer makes it
      chain.push(span);
    }
    if (kept.size + chain.length > most) continue;
    for (const span of chain) kept.add(span);
  }
  return spans.filter((span) => kept.has(span));
}

/** A span whose parent is not there stands as a root; what hangs in a circle comes last. */
function inTreeOrder(spans: Span[]): Span[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const children = groupBy(spans, ({ parentSpanId }) => (ids.has(parentSpanId) ? parentSpanId : ""));
  const ordered = new Set<Span>();
  const waiting = byStart(children.get("") ?? []).reverse();
  for (let span = waiting.pop(); span; span = waiting.pop()) {
    if (ordered.has(span)) continue;
    ordered.add(span);
    waiting.push(...byStart(children.get(span.spanId) ?? []).reverse());
  }
  return [...ordered, ...spans.filter((span) => !ordered.has(span))];
}

const byStart = (spans: Span[]) => spans.toSorted((a, b) => a.startMs - b.startMs);
