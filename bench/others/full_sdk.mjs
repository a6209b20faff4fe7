// All that OpenTelemetry instruments by itself, as its documentation loads it, and BullMQ's own adapter.
import "@opentelemetry/auto-instrumentations-node/register";
import { trace } from "@opentelemetry/api";

export async function start() {
  const { BullMQOtel } = await import("bullmq-otel");
  return {
    telemetry: new BullMQOtel({ tracerName: "tax" }),
    flush: () => trace.getTracerProvider().getDelegate().forceFlush(),
  };
}
