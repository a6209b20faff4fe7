/** What an observed process reads from its environment; with `config.ts` the only place that does. */
export interface TelemetrySettings {
  /** `OTEL_ENABLED` is exactly "true" and `OTEL_SDK_DISABLED` is not. */
  enabled: boolean;
  /** Where spans go, OTLP over HTTP, with path. */
  tracesUrl: string;
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
  return {
    enabled: environment.OTEL_ENABLED === "true" && environment.OTEL_SDK_DISABLED?.toLowerCase() !== "true",
    tracesUrl: environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || signalUrl(environment, "v1/traces"),
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

/** The base endpoint with the signal's path. People write the base with `/v1/traces` too: it is taken off first. */
function signalUrl(environment: NodeJS.ProcessEnv, path: string): string {
  const base = environment.OTEL_EXPORTER_OTLP_ENDPOINT || "http://localhost:4318";
  return `${base.replace(/\/+$/, "").replace(/\/v1\/traces$/, "")}/${path}`;
}
