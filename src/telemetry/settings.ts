/** What an observed process reads from its environment; with `config.ts` the only place that does. */
export interface TelemetrySettings {
  /** `OTEL_ENABLED` is exactly "true" and `OTEL_SDK_DISABLED` is not. */
  enabled: boolean;
  /** Where spans go, OTLP over HTTP, with path. */
  tracesUrl: string;
  /** Where metrics go, likewise; `undefined` when `OTEL_METRICS_EXPORTER` is "none". */
  metricsUrl: string | undefined;
  /** Between two exports of metrics, in ms. */
  metricIntervalMs: number;
  /** Whether the thread's time is booked to spans and jobs: unless `PRODLIKE_LEDGER` is "off"; never on Deno. */
  ledger: boolean;
  /** How the job span of a retry refers to the one before: `PRODLIKE_RETRY`. */
  retryAs: "parent" | "link";
  /** Names from `OTEL_PROPAGATORS`, without duplicates; empty for "none". */
  propagators: string[];
}

/**
 * Reads the variables that the SDK does not read itself. Sampling, batching, headers, limits and resource attributes
 * are read by the packages, by the names of the specification.
 *
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export function readTelemetrySettings(environment: NodeJS.ProcessEnv = process.env): TelemetrySettings {
  const propagators = (environment.OTEL_PROPAGATORS || "tracecontext,baggage").split(",").map((name) => name.trim());
  const metricsUrl = environment.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT || signalUrl(environment, "v1/metrics");
  return {
    enabled: environment.OTEL_ENABLED === "true" && environment.OTEL_SDK_DISABLED?.toLowerCase() !== "true",
    tracesUrl: environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || signalUrl(environment, "v1/traces"),
    metricsUrl: environment.OTEL_METRICS_EXPORTER === "none" ? undefined : metricsUrl,
    metricIntervalMs: timerMs(environment.OTEL_METRIC_EXPORT_INTERVAL) ?? 60_000,
    ledger: environment.PRODLIKE_LEDGER !== "off" && !("Deno" in globalThis),
    retryAs: environment.PRODLIKE_RETRY === "link" ? "link" : "parent",
    propagators: propagators.includes("none") ? [] : [...new Set(propagators)],
  };
}

/** Sets `OTEL_SERVICE_NAME` unless the environment has one; the resource detectors and Pyroscope read it from there. */
export function nameService(serviceName: string, environment: NodeJS.ProcessEnv = process.env): void {
  environment.OTEL_SERVICE_NAME ||= serviceName;
}

/** Whether `PROFILING` asks for profiles. */
export function profilingWanted(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment.PROFILING === "on";
}

/**
 * The base endpoint with the signal's path; where only that of the traces is known, metrics go beside them. People write
 * the base with `/v1/traces` too: it is taken off first.
 */
function signalUrl(environment: NodeJS.ProcessEnv, path: string): string {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = environment;
  const base = OTEL_EXPORTER_OTLP_ENDPOINT || OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || "http://localhost:4318";
  return `${base.replace(/\/+$/, "").replace(/\/v1\/traces$/, "")}/${path}`;
}

/** A time that a timer takes: beyond 2^31 - 1 it would fire at once, again and again. */
function timerMs(text: string | undefined): number | undefined {
  const ms = Number(text);
  return ms >= 1 ? Math.min(ms, 2 ** 31 - 1) : undefined;
}
