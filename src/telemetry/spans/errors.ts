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
  const error = readError(thrown);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  span.recordException(error);
  span.setAttribute(ERROR_TYPE, error.name || "_OTHER");
}

/** JavaScript throws anything: what has a message is read like an error, which another realm's error is not an instance of. */
function readError(thrown: unknown): Pick<Error, "name" | "message" | "stack"> {
  if (thrown instanceof Error && typeof thrown.message === "string") return thrown;
  const { name, message, stack } = Object(thrown) as Record<string, unknown>;
  return {
    name: typeof name === "string" ? name : "Error",
    message: typeof message === "string" ? message : textOf(thrown),
    ...(typeof stack === "string" ? { stack } : {}),
  };
}

/** An object without a prototype has no text. */
function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
