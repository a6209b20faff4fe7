import type { Attributes, AttributeValue, SpanContext } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { BackwardWriter } from "./backward_writer.ts";

type Scope = ReadableSpan["instrumentationScope"];

/** A span's flags say whether it is known that its parent came from another process, and whether it did. */
const FLAGS = { hasIsRemote: 0x100, isRemote: 0x200 };

/**
 * Spans of one tracer provider as they end, encoded at once as `ExportTraceServiceRequest`: what waits is bytes, and no
 * object that V8 would have to follow and move. The stock serializers build an object for each span, attribute and value
 * besides. This one writes from the end to the beginning, where the length of a message is known when its prefix is due,
 * and knows the bytes of names and of values that come again.
 *
 * @see https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
export class EncodedSpans {
  readonly #scopes = new Map<Scope, BackwardWriter>();
  readonly #request = new BackwardWriter();
  #resource: ReadableSpan["resource"] | undefined;
  #length = 0;

  /** How many there are. */
  get length(): number {
    return this.#length;
  }

  /** @throws {RangeError} when it cannot be encoded, as with a time that is NaN; it is left out then */
  add(span: ReadableSpan): void {
    this.#resource ??= span.resource;
    const writer = this.#writerOf(span.instrumentationScope);
    const { position } = writer;
    try {
      writeSpan(writer, span);
    } catch (error) {
      writer.rewind(position);
      throw error;
    }
    this.#length++;
  }

  #writerOf(scope: Scope): BackwardWriter {
    let writer = this.#scopes.get(scope);
    if (!writer) {
      writer = new BackwardWriter();
      this.#scopes.set(scope, writer);
    }
    return writer;
  }

  /** The request with all of them, which begins anew then. */
  take(): Uint8Array {
    const writer = this.#request;
    writer.rewind();
    for (const [{ name, version, schemaUrl }, spans] of this.#scopes) {
      if (spans.position === 0) continue;
      const end = writer.position;
      if (schemaUrl) writer.string(3, schemaUrl);
      writer.fields(spans.take());
      spans.rewind();
      const scopeEnd = writer.position;
      if (version) writer.string(2, version);
      writer.string(1, name);
      writer.endMessage(1, scopeEnd);
      writer.endMessage(2, end);
    }
    const resourceEnd = writer.position;
    writeAttributes(writer, 1, this.#resource?.attributes ?? {});
    writer.endMessage(1, resourceEnd);
    if (this.#resource?.schemaUrl) writer.string(3, this.#resource.schemaUrl);
    writer.endMessage(1, 0);
    this.#length = 0;
    return writer.take();
  }
}

function writeSpan(writer: BackwardWriter, span: ReadableSpan): void {
  const end = writer.position;
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  const { parentSpanContext: parent, status } = span;
  writer.fixed32(16, flagsOf(traceFlags, parent?.isRemote));
  if (status.code || status.message) {
    const statusEnd = writer.position;
    if (status.code) writer.varint(3, status.code);
    if (status.message) writer.string(2, status.message);
    writer.endMessage(15, statusEnd);
  }
  if (span.droppedLinksCount) writer.varint(14, span.droppedLinksCount);
  for (let i = span.links.length - 1; i >= 0; i--) writeLink(writer, span.links[i]!);
  if (span.droppedEventsCount) writer.varint(12, span.droppedEventsCount);
  for (let i = span.events.length - 1; i >= 0; i--) writeEvent(writer, span.events[i]!);
  if (span.droppedAttributesCount) writer.varint(10, span.droppedAttributesCount);
  writeAttributes(writer, 9, span.attributes);
  writer.time(8, span.endTime);
  writer.time(7, span.startTime);
  writer.varint(6, span.kind + 1); // the API has no value for "unspecified"
  writer.name(5, span.name);
  if (parent?.spanId) writer.hex(4, parent.spanId);
  if (traceState) writer.string(3, traceState.serialize());
  writer.hex(2, spanId);
  writer.hex(1, traceId);
  writer.endMessage(2, end);
}

function flagsOf(traceFlags: number, isRemote = false): number {
  return (traceFlags & 0xff) | FLAGS.hasIsRemote | (isRemote ? FLAGS.isRemote : 0);
}

function writeLink(writer: BackwardWriter, link: ReadableSpan["links"][number]): void {
  const end = writer.position;
  const { traceId, spanId, traceState, traceFlags, isRemote }: SpanContext = link.context;
  writer.fixed32(6, flagsOf(traceFlags, isRemote));
  if (link.droppedAttributesCount) writer.varint(5, link.droppedAttributesCount);
  writeAttributes(writer, 4, link.attributes ?? {});
  if (traceState) writer.string(3, traceState.serialize());
  writer.hex(2, spanId);
  writer.hex(1, traceId);
  writer.endMessage(13, end);
}

function writeEvent(writer: BackwardWriter, event: ReadableSpan["events"][number]): void {
  const end = writer.position;
  if (event.droppedAttributesCount) writer.varint(4, event.droppedAttributesCount);
  writeAttributes(writer, 3, event.attributes ?? {});
  writer.string(2, event.name);
  writer.time(1, event.time);
  writer.endMessage(11, end);
}

function writeAttributes(writer: BackwardWriter, field: number, attributes: Attributes): void {
  const keys = Object.keys(attributes);
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i]!;
    const value = attributes[key];
    if (value === undefined || value === null) continue;
    const end = writer.position;
    writeValue(writer, 2, value);
    writer.name(1, key);
    writer.endMessage(field, end);
  }
}

/** One `AnyValue`, as field `field` of what holds it. */
function writeValue(writer: BackwardWriter, field: number, value: AttributeValue | null | undefined): void {
  const end = writer.position;
  if (typeof value === "string") writer.string(1, value);
  else if (typeof value === "number") {
    if (Number.isSafeInteger(value)) writer.varint(3, value);
    else writer.double(4, value);
  } else if (typeof value === "boolean") writer.varint(2, value ? 1 : 0);
  else if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--) writeValue(writer, 1, value[i]);
    writer.endMessage(5, end);
  }
  writer.endMessage(field, end);
}
