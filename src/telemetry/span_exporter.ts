import type { MeterProvider } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { TraceExporterMetricsHelper } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-node";
import { createTraceSerializer } from "./otlp_protobuf.ts";
import type { TelemetrySettings } from "./settings.ts";

/** `otel.component.type`. @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/otel/ */
const COMPONENT_TYPE = "otlp_http_span_exporter";

/**
 * Sends spans by OTLP over HTTP. Everything but the encoding is the stock exporter's. A batch that cannot be encoded, as
 * with a time that is NaN, is reported as failed: the stock one throws past the batch processor, which then counts its
 * spans neither as exported nor as lost.
 */
export function createSpanExporter(
  { tracesUrl: url, tracesProtocol }: Pick<TelemetrySettings, "tracesUrl" | "tracesProtocol">,
  selfObsMeterProvider: MeterProvider,
): Required<SpanExporter> {
  const exporter =
    tracesProtocol === "http/json"
      ? new OTLPTraceExporter({ url, selfObsMeterProvider })
      : createProtobufExporter({ url, selfObsMeterProvider });
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

function createProtobufExporter(config: { url: string; selfObsMeterProvider: MeterProvider }) {
  const options = convertLegacyHttpOptions(config, "TRACES", "v1/traces", { "Content-Type": "application/x-protobuf" });
  return new OTLPExporterBase<ReadableSpan[]>(
    createOtlpHttpExportDelegate(
      options,
      createTraceSerializer(),
      COMPONENT_TYPE,
      TraceExporterMetricsHelper,
      config.selfObsMeterProvider,
    ),
  );
}
