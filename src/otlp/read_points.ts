import { attributesOf } from "./attributes.ts";
import type { MetricsRequest } from "./otlp_json.ts";
import { type FileRange, readRequests } from "./read_lines.ts";
import type { Attributes } from "./types.ts";

/** A data point of a sum or a gauge together with whom it came from. */
export interface Point {
  metric: string;
  value: number;
  timeNs: bigint;
  attributes: Attributes;
  /** `service.name` of the resource, or empty. */
  service: string;
  resource: Attributes;
}

/**
 * The data points of sums and gauges in files that the collector, ours or the real one, writes (`metrics.jsonl`), in the
 * order of the files.
 *
 * @throws {SyntaxError} when a finished line is not JSON
 */
export async function* readPoints(files: Iterable<string | FileRange>): AsyncGenerator<Point> {
  for await (const { resourceMetrics = [] } of readRequests<MetricsRequest>(files)) {
    for (const { resource, scopeMetrics = [] } of resourceMetrics) {
      const from = attributesOf(resource.attributes);
      const service = String(from["service.name"] ?? "");
      for (const { name = "", sum, gauge } of scopeMetrics.flatMap(({ metrics = [] }) => metrics)) {
        for (const { asInt, asDouble, timeUnixNano = "0", attributes } of (sum ?? gauge)?.dataPoints ?? []) {
          const value = Number(asInt ?? asDouble ?? 0);
          const timeNs = BigInt(timeUnixNano);
          yield { metric: name, value, timeNs, attributes: attributesOf(attributes), service, resource: from };
        }
      }
    }
  }
}
