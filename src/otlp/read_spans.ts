import { attributesOf } from "./attributes.ts";
import type { OtlpSpan, TracesRequest } from "./otlp_json.ts";
import { type FileRange, readRequests } from "./read_lines.ts";
import type { Span } from "./types.ts";

/**
 * The spans in files that the collector, ours or the real one, writes (`traces.jsonl`), in the order of the files.
 *
 * @throws {SyntaxError} when a finished line is not JSON
 */
export async function* readSpans(files: Iterable<string | FileRange>): AsyncGenerator<Span> {
  for await (const request of readRequests<TracesRequest>(files)) yield* spansOf(request);
}

/** The spans of one request; of many, those that are `wanted` alone cost much less. */
export function* spansOf(
  { resourceSpans = [] }: TracesRequest,
  wanted: (span: OtlpSpan) => boolean = () => true,
): Generator<Span> {
  for (const { resource, scopeSpans = [] } of resourceSpans) {
    const from = attributesOf(resource.attributes);
    const service = String(from["service.name"] ?? "");
    for (const { scope, spans = [] } of scopeSpans) {
      for (const span of spans)
        if (wanted(span)) yield spanOf(span, { service, resource: from, scope: scope.name ?? "" });
    }
  }
}

/** Field by field: there may be a million of them. */
function spanOf(span: OtlpSpan, { service, resource, scope }: Pick<Span, "service" | "resource" | "scope">): Span {
  return {
    traceId: span.traceId ?? "",
    spanId: span.spanId ?? "",
    parentSpanId: span.parentSpanId ?? "",
    name: span.name ?? "",
    kind: span.kind ?? 0,
    startNs: BigInt(span.startTimeUnixNano ?? 0),
    endNs: BigInt(span.endTimeUnixNano ?? 0),
    attributes: attributesOf(span.attributes),
    events: span.events?.map(eventOf) ?? [],
    links: span.links?.map(linkOf) ?? [],
    status: { code: span.status.code ?? 0, message: span.status.message ?? "" },
    service,
    resource,
    scope,
  };
}

function eventOf({ name = "", timeUnixNano = "0", attributes }: NonNullable<OtlpSpan["events"]>[number]) {
  return { name, timeNs: BigInt(timeUnixNano), attributes: attributesOf(attributes) };
}

function linkOf({ traceId = "", spanId = "", attributes }: NonNullable<OtlpSpan["links"]>[number]) {
  return { traceId, spanId, attributes: attributesOf(attributes) };
}
