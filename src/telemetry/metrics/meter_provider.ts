import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import type { Resource } from "@opentelemetry/resources";
import { AggregationTemporality, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import type { TelemetrySettings } from "../settings.ts";

/**
 * A meter provider that sends all of its metrics at every interval; it sends nothing when the settings name no address.
 * Sums are cumulative, whatever the environment prefers: what is counted while the collector is away arrives when it is back.
 */
export function createMeterProvider(
  { metricsUrl, metricIntervalMs }: Pick<TelemetrySettings, "metricsUrl" | "metricIntervalMs">,
  resource: Resource,
): MeterProvider {
  if (!metricsUrl) return new MeterProvider({ resource });
  const exporter = new OTLPMetricExporter({
    url: metricsUrl,
    temporalityPreference: AggregationTemporality.CUMULATIVE,
  });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: metricIntervalMs });
  return new MeterProvider({ resource, readers: [reader] });
}
