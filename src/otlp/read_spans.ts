import type { AnyValue, KeyValue, OtlpSpan, TracesRequest } from "./otlp_json.ts";
import { type FileRange, readLines } from "./read_lines.ts";
import type { Attributes, AttributeValue, Span } from "./types.ts";

/**
 * The spans in files that the collector, ours or the real one, writes (`traces.jsonl`), in the order of the files.
 *
 * @throws {SyntaxError} when a finished line is not JSON
 */
export async function* readSpans(files: Iterable<string | FileRange>): AsyncGenerator<Span> {
  for (const file of files) {
    const range = typeof file === "string" ? { path: file } : file;
    for await (const line of readLines(range)) {
      if (line) yield* spansOf(parse(line, range.path));
    }
  }
}

function parse(line: string, path: string): TracesRequest {
  try {
    return JSON.parse(line) as TracesRequest;
  } catch (cause) {
    throw new SyntaxError(`Cannot read "${path}": the line "${line.slice(0, 60)}" is not JSON`, { cause });
  }
}

/** The spans of one request. */
export function* spansOf({ resourceSpans = [] }: TracesRequest): Generator<Span> {
  for (const { resource, scopeSpans = [] } of resourceSpans) {
    const from = attributesOf(resource.attributes);
    const service = String(from["service.name"] ?? "");
    for (const { scope, spans = [] } of scopeSpans) {
      for (const span of spans) yield { ...spanOf(span), service, resource: from, scope: scope.name ?? "" };
    }
  }
}

function spanOf(span: OtlpSpan): Omit<Span, "service" | "resource" | "scope"> {
  return {
    traceId: span.traceId ?? "",
    spanId: span.spanId ?? "",
    parentSpanId: span.parentSpanId ?? "",
    name: span.name ?? "",
    kind: span.kind ?? 0,
    startNs: BigInt(span.startTimeUnixNano ?? 0),
    endNs: BigInt(span.endTimeUnixNano ?? 0),
    attributes: attributesOf(span.attributes),
    events: (span.events ?? []).map(({ name = "", timeUnixNano = "0", attributes }) => {
      return { name, timeNs: BigInt(timeUnixNano), attributes: attributesOf(attributes) };
    }),
    links: (span.links ?? []).map(({ traceId = "", spanId = "", attributes }) => {
      return { traceId, spanId, attributes: attributesOf(attributes) };
    }),
    status: { code: span.status.code ?? 0, message: span.status.message ?? "" },
  };
}

/** Attributes as plain values. */
export function attributesOf(list: KeyValue[] = []): Attributes {
  return Object.fromEntries(list.map(({ key = "", value }) => [key, attributeValue(value)]));
}

function attributeValue(value: AnyValue): AttributeValue {
  if (value.intValue !== undefined) {
    const number = Number(value.intValue);
    return Number.isSafeInteger(number) ? number : BigInt(value.intValue);
  }
  if (value.doubleValue !== undefined) return Number(value.doubleValue);
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(attributeValue);
  if (value.kvlistValue) return attributesOf(value.kvlistValue.values);
  if (value.bytesValue !== undefined) return new Uint8Array(Buffer.from(value.bytesValue, "base64"));
  return value.stringValue ?? value.boolValue ?? null;
}
