import type { MeterProvider } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import {
  type IExporterMetricsHelper,
  type ISerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import {
  BatchSpanProcessor,
  type BufferConfig,
  type SpanExporter,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import type { TelemetrySettings } from "./settings.ts";
import { BatchingSpanProcessor, type EncodedBatch } from "./span_batches.ts";

/** `otel.component.type`. @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/otel/ */
const COMPONENT_TYPE = "otlp_http_span_exporter";

export type SpanSenderOptions = Pick<TelemetrySettings, "tracesUrl" | "tracesProtocol">;

/**
 * Sends spans by OTLP over HTTP: as protobuf, encoded when they end and sent by the stock exporter's delegate, or as JSON
 * by the stock batch processor and exporter. The headers and limits are left to these: they read the variables of the
 * specification themselves.
 */
export function createSpanSender(
  { tracesUrl: url, tracesProtocol }: SpanSenderOptions,
  metrics: MeterProvider,
): SpanProcessor {
  const config = { url, selfObsMeterProvider: metrics };
  if (tracesProtocol === "http/json") {
    // It takes more than its type says.
    return flushingBoth(reporting(new OTLPTraceExporter(config)), config as BufferConfig);
  }
  const options = convertLegacyHttpOptions(config, "TRACES", "v1/traces", { "Content-Type": "application/x-protobuf" });
  return new BatchingSpanProcessor(
    createOtlpHttpExportDelegate(options, encoded, COMPONENT_TYPE, counted, metrics),
    metrics,
  );
}

const encoded: ISerializer<EncodedBatch, ReturnType<typeof ProtobufTraceSerializer.deserializeResponse>> = {
  serializeRequest: ({ bytes }) => bytes,
  deserializeResponse: (data) => ProtobufTraceSerializer.deserializeResponse(data),
};

const counted: IExporterMetricsHelper<EncodedBatch> = { name: "span", countItems: ({ length }) => length };

/** The stock processor's flush does not wait for the batch that is under way. */
function flushingBoth(exporter: Required<SpanExporter>, config: BufferConfig): SpanProcessor {
  const processor = new BatchSpanProcessor(exporter, config);
  const forceFlush = processor.forceFlush.bind(processor);
  return Object.assign(processor, {
    forceFlush: () => forceFlush().finally(() => exporter.forceFlush()),
  });
}

/**
 * A batch that cannot be encoded, as with a time that is NaN, is reported as failed: the stock exporter throws past the
 * batch processor, which then counts its spans neither as exported nor as lost.
 */
function reporting(exporter: OTLPTraceExporter): Required<SpanExporter> {
  return {
    export(spans, report) {
      try {
        exporter.export(spans, report);
      } catch (error) {
        report({ code: ExportResultCode.FAILED, error: error as Error }); // what an encoder throws is an Error
      }
    },
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  };
}
