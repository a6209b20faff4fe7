import { type Span, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { ERROR_TYPE } from "../names.ts";

/**
 * Marks a span as failed: exception event, status ERROR with the message, and `error.type`. The first call counts: an
 * error that passes through several layers is one exception.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
 */
export function recordError(span: Span & Partial<ReadableSpan>, thrown: unknown): void {
  if (span.status?.code === SpanStatusCode.ERROR) return;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  span.setAttribute(ERROR_TYPE, error.name || "_OTHER");
}
