import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";

/** Spans of a batch as an `ExportTraceServiceRequest` in JSON, by the stock serializer. */
export class JsonSpans {
  #spans: ReadableSpan[] = [];

  /** How many there are. */
  get length(): number {
    return this.#spans.length;
  }

  add(span: ReadableSpan): void {
    this.#spans.push(span);
  }

  /**
   * The request with all of them, which begins anew then.
   *
   * @throws {Error} when it cannot be encoded, as with a time that is NaN
   */
  take(): Uint8Array {
    const spans = this.#spans;
    this.#spans = [];
    const bytes = JsonTraceSerializer.serializeRequest(spans);
    if (!bytes) throw new Error("the spans cannot be encoded as JSON");
    return bytes;
  }
}
