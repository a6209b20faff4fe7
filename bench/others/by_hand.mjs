// The usual way: BullMQ's own adapter on a provider put together by hand.
import { DiagConsoleLogger, DiagLogLevel, diag, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { BullMQOtel } from "bullmq-otel";

export function start() {
  diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
  provider.register({ contextManager: new AsyncLocalStorageContextManager() });
  return {
    telemetry: new BullMQOtel({ tracerName: "tax" }),
    flush: () => trace.getTracerProvider().getDelegate().forceFlush(),
  };
}
