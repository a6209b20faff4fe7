import type { Agent } from "node:https";
import { gzipSync } from "node:zlib";
import type { MeterProvider } from "@opentelemetry/api";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import {
  type IExporterMetricsHelper,
  type ISerializer,
  ProtobufTraceSerializer,
} from "@opentelemetry/otlp-transformer";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { Post } from "../last_posts.ts";
import type { TelemetrySettings } from "../settings.ts";
import { BatchingSpanProcessor, type EncodedBatch } from "./batches.ts";
import { JsonSpans } from "./json_spans.ts";
import { EncodedSpans } from "./otlp_protobuf.ts";

/** `otel.component.type`. @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/otel/ */
const COMPONENT_TYPE = "otlp_http_span_exporter";

export type SpanSenderOptions = Pick<TelemetrySettings, "tracesUrl" | "tracesProtocol">;

export interface SpanSender extends SpanProcessor {
  /** The requests with all spans that are not known to have arrived. */
  takeRest(): Post[];
}

/**
 * Sends spans by OTLP over HTTP, encoded as protobuf or JSON, by the stock exporter's delegate. The headers and limits are
 * left to that: it reads the variables of the specification itself.
 */
export function createSpanSender(
  { tracesUrl: url, tracesProtocol }: SpanSenderOptions,
  metrics: MeterProvider,
): SpanSender {
  const isJson = tracesProtocol === "http/json";
  const type = isJson ? "application/json" : "application/x-protobuf";
  const options = convertLegacyHttpOptions({ url }, "TRACES", "v1/traces", { "Content-Type": type });
  const delegate = createOtlpHttpExportDelegate(options, encoded, COMPONENT_TYPE, counted, metrics);
  const processor = new BatchingSpanProcessor(delegate, metrics, isJson ? new JsonSpans() : new EncodedSpans());
  const toPost = posts(options);
  return Object.assign(processor, { takeRest: () => processor.takeBatches().map(toPost) });
}

const encoded: ISerializer<EncodedBatch, ReturnType<typeof ProtobufTraceSerializer.deserializeResponse>> = {
  serializeRequest: ({ bytes }) => bytes,
  deserializeResponse: (data) => ProtobufTraceSerializer.deserializeResponse(data),
};

const counted: IExporterMetricsHelper<EncodedBatch> = { name: "span", countItems: ({ length }) => length };

/** The request of a batch as plain data; what the delegate makes of it is behind promises. */
function posts({ url, headers, agentFactory, compression }: ReturnType<typeof convertLegacyHttpOptions>) {
  const isZipped = compression === "gzip";
  let known: Pick<Post, "headers" | "tls"> = { headers: {} };
  // Later, as this loads modules that are still to be instrumented.
  void Promise.resolve().then(async () => {
    known = { headers: { ...(await headers()), ...(isZipped ? { "Content-Encoding": "gzip" } : {}) } };
    if (!url.startsWith("https:")) return;
    const { ca, cert, key } = ((await agentFactory("https:")) as Agent).options; // of https, as that was asked for
    known.tls = { ca, cert, key };
  });
  return ({ bytes }: EncodedBatch): Post => ({ url, ...known, body: isZipped ? gzipSync(bytes) : bytes });
}
