import { attributesOf } from "./attributes.ts";
import type { HistogramDataPoint, MetricsRequest, NumberDataPoint } from "./otlp_json.ts";
import { type FileRange, readRequests } from "./read_lines.ts";
import type { Attributes } from "./types.ts";

/** A data point of a sum, a gauge or a histogram together with whom it came from. */
export interface Point {
  metric: string;
  /** Of a histogram its sum. */
  value: number;
  /** Of a histogram: of how many values. */
  count?: number;
  timeNs: bigint;
  /** Since when it is counted; 0 for a gauge. */
  startNs: bigint;
  attributes: Attributes;
  /** `service.name` of the resource, or empty. */
  service: string;
  resource: Attributes;
}

/** Whom points came from. */
export interface Origin {
  /** `service.name` */
  service: string;
  /** Attributes that the resource has: which of the service's processes. @default any */
  resource?: Attributes;
}

/** Whether a point came from there. */
export function comesFrom(point: Point, { service, resource = {} }: Origin): boolean {
  if (point.service !== service) return false;
  return Object.entries(resource).every(([name, value]) => point.resource[name] === value);
}

/** The process that a point came from, among those of its service. */
export function processOf({ resource }: Point): string {
  return String(resource["service.instance.id"] ?? resource["process.pid"]);
}

/**
 * The data points of sums, gauges and histograms in files that the collector, ours or the real one, writes (`metrics.jsonl`), in the
 * order of the files.
 *
 * @throws {SyntaxError} when a finished line is not JSON
 */
export async function* readPoints(files: Iterable<string | FileRange>): AsyncGenerator<Point> {
  for await (const { resourceMetrics = [] } of readRequests<MetricsRequest>(files)) {
    for (const { resource, scopeMetrics = [] } of resourceMetrics) {
      const from = attributesOf(resource.attributes);
      const service = String(from["service.name"] ?? "");
      for (const { name = "", sum, gauge, histogram } of scopeMetrics.flatMap(({ metrics = [] }) => metrics)) {
        const points: (NumberDataPoint & HistogramDataPoint)[] = (sum ?? gauge ?? histogram)?.dataPoints ?? [];
        for (const { asInt, asDouble, sum: total, count, timeUnixNano, startTimeUnixNano, attributes } of points) {
          yield {
            metric: name,
            value: Number(asInt ?? asDouble ?? total ?? 0),
            ...(count === undefined ? {} : { count: Number(count) }),
            timeNs: BigInt(timeUnixNano ?? 0),
            startNs: BigInt(startTimeUnixNano ?? 0),
            attributes: attributesOf(attributes),
            service,
            resource: from,
          };
        }
      }
    }
  }
}
