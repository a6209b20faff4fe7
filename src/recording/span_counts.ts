import type { FileRange } from "../otlp/read_lines.ts";
import { type Point, processOf, readPoints } from "../otlp/read_points.ts";
import { ERROR_TYPE, SPAN_EXPORTED, SPAN_PROCESSED, SPAN_QUEUE_CAPACITY, SPAN_STARTED } from "../telemetry/names.ts";

/**
 * What became of the spans of one service, as its processes counted them, each since it began:
 * `created = exported + queueFull + refused + failed + pending`.
 */
export interface SpanCounts {
  created: number;
  /** Acknowledged by the collector, which does so when they are stored. */
  exported: number;
  /** Dropped, because they ended faster than they could be sent. */
  queueFull: number;
  /** Answered by the collector with a status that is not worth a retry, as 400. */
  refused: number;
  /** Not sent: the collector was away or busy for too long, or a batch could not be encoded. */
  failed: number;
  /** Not ended, queued or under way when they were counted. */
  pending: number;
  /** How many processes counted. */
  processes: number;
  /** When, ISO 8601; of several processes the earliest. */
  at: string;
}

/** By `service.name`. What is not measured says why, and has no numbers. */
export type SpanAccounting = Record<string, SpanCounts | { notMeasured: string }>;

/** Spans of one service that did not arrive. */
export interface LostSpans {
  service: string;
  lost: number;
  created: number;
  causes: Pick<SpanCounts, "queueFull" | "refused" | "failed">;
}

/** The services that have lost spans; what is not measured has lost none that anybody knows of. */
export function lostSpans(accounting: SpanAccounting): LostSpans[] {
  return Object.entries(accounting).flatMap(([service, counts]) => {
    if ("notMeasured" in counts || lostOf(counts) === 0) return [];
    const { created, queueFull, refused, failed } = counts;
    return [{ service, lost: lostOf(counts), created, causes: { queueFull, refused, failed } }];
  });
}

const lostOf = ({ queueFull, refused, failed }: SpanCounts) => queueFull + refused + failed;

/** By service, what of the spans created between two counts was lost; without a service that was not counted both times. */
export function lostSince(
  before: SpanAccounting,
  now: SpanAccounting,
): Record<string, { lost: number; created: number }> {
  const lost: ReturnType<typeof lostSince> = {};
  for (const [service, counts] of Object.entries(now)) {
    const earlier = before[service];
    if ("notMeasured" in counts || !earlier || "notMeasured" in earlier) continue;
    // Less than before: its process is another.
    const since = (count: (counts: SpanCounts) => number) => {
      const [was, is] = [count(earlier), count(counts)];
      return is < was ? is : is - was;
    };
    lost[service] = { lost: since(lostOf), created: since(({ created }) => created) };
  }
  return lost;
}

/** Name of an `OTLPExporterError` in `error.type`: the SDK had an answer and will not try again. */
const REFUSED = "OTLPExporterError";

/**
 * The newest counts of spans in `metrics.jsonl` for each service, summed over its processes. Processes that have sent
 * none since `sinceMs` (Unix time) have ended, and are left out; so is a service whose SDK does not count all of it.
 */
export async function countSpans(files: FileRange[], sinceMs: number): Promise<Record<string, SpanCounts>> {
  const sinceNs = BigInt(sinceMs) * 1_000_000n;
  const newest = new Map<string, Point>();
  for await (const point of readPoints(files)) {
    // Not the order of the lines: an export that was tried again arrives late.
    if (!point.metric.startsWith("otel.sdk.") || point.timeNs < sinceNs) continue;
    const key = [point.service, processOf(point), point.metric, ...Object.entries(point.attributes)].join();
    if (point.timeNs >= (newest.get(key)?.timeNs ?? 0n)) newest.set(key, point);
  }
  const counts: Record<string, SpanCounts> = {};
  for (const service of new Set([...newest.values()].map((point) => point.service))) {
    const points = [...newest.values()].filter((point) => point.service === service);
    const measured = new Set(points.map(({ metric }) => metric));
    // Sums that nothing was added to are not sent; the capacity is, by a processor that counts what it drops.
    if (measured.has(SPAN_STARTED) && measured.has(SPAN_QUEUE_CAPACITY)) counts[service] = sumUp(points);
  }
  return counts;
}

function sumUp(points: Point[]): SpanCounts {
  const sum = (metric: string, matches: (attributes: Point["attributes"]) => boolean) =>
    points.reduce(
      (total, point) => total + (point.metric === metric && matches(point.attributes) ? point.value : 0),
      0,
    );
  const created = sum(SPAN_STARTED, (each) => each["otel.span.sampling_result"] === "RECORD_AND_SAMPLE");
  const exported = sum(SPAN_PROCESSED, (each) => each[ERROR_TYPE] === undefined);
  const queueFull = sum(SPAN_PROCESSED, (each) => each[ERROR_TYPE] === "queue_full");
  const refused = sum(SPAN_EXPORTED, (each) => each[ERROR_TYPE] === REFUSED);
  const failed = sum(SPAN_PROCESSED, (each) => each[ERROR_TYPE] !== undefined) - queueFull - refused;
  const pending = created - exported - queueFull - refused - failed;
  const started = points.filter(({ metric }) => metric === SPAN_STARTED);
  const atNs = started.reduce((least, { timeNs }) => (timeNs < least ? timeNs : least), started[0]!.timeNs);
  return {
    ...{ created, exported, queueFull, refused, failed, pending },
    processes: new Set(points.map(processOf)).size,
    at: new Date(Number(atNs / 1_000_000n)).toISOString(),
  };
}
