/** What an observed process reads from its environment; with `settings/environment.ts` the only place that does. */
export interface TelemetrySettings {
  /** `OTEL_ENABLED` is exactly "true" and `OTEL_SDK_DISABLED` is not. */
  enabled: boolean;
  /** Where spans go, OTLP over HTTP, with path. */
  tracesUrl: string;
  /** How spans are encoded: `OTEL_EXPORTER_OTLP_PROTOCOL`, or that of the traces alone; protobuf for what is not known. */
  tracesProtocol: "http/protobuf" | "http/json";
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
  const protocol = environment.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL || environment.OTEL_EXPORTER_OTLP_PROTOCOL;
  const metricsUrl = environment.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT || signalUrl(environment, "v1/metrics");
  return {
    enabled: environment.OTEL_ENABLED === "true" && environment.OTEL_SDK_DISABLED?.toLowerCase() !== "true",
    tracesUrl: environment.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT || signalUrl(environment, "v1/traces"),
    tracesProtocol: protocol === "http/json" ? protocol : "http/protobuf",
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

/** The environment for a thread of our own: in `NODE_OPTIONS` may be what observes, which must not observe that one. */
export function environmentOfThread({ NODE_OPTIONS: _, ...rest }: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return rest;
}

/** Whether `PROFILING` asks for profiles. */
export function profilingWanted(environment: NodeJS.ProcessEnv = process.env): boolean {
  return environment.PROFILING === "on";
}

/** Where the profiles of a process go, under which name, and how often. */
export interface ProfileSettings {
  appName: string;
  /** Of a Pyroscope server, without a slash at its end. */
  serverUrl: string;
  /** They hold what authenticates, so they are never printed. */
  headers: Record<string, string>;
  /** Between two profiles of a busy process, in ms. */
  flushIntervalMs: number;
  samplingIntervalUs: number;
  /** Whether samples carry `trace_id`, which makes a series of each trace in a Pyroscope server. */
  traceIds: boolean;
}

/**
 * Reads the variables of Pyroscope's SDKs. The name is that of the spans, unless there is one for profiles alone.
 *
 * @throws {Error} naming the variable whose value cannot be used, and not that value, which may be a secret
 */
export function readProfileSettings(appName: string, environment: NodeJS.ProcessEnv = process.env): ProfileSettings {
  const { PYROSCOPE_APPLICATION_NAME, OTEL_SERVICE_NAME, PYROSCOPE_SERVER_ADDRESS, PROFILE_TRACE_IDS_TO } = environment;
  const serverUrl = (PYROSCOPE_SERVER_ADDRESS || "http://localhost:4040").replace(/\/+$/, "");
  const { protocol, username, password } = URL.canParse(serverUrl) ? new URL(serverUrl) : new URL("none:");
  if (!/^https?:$/.test(protocol) || username || password)
    throw new Error("Cannot use PYROSCOPE_SERVER_ADDRESS: http(s)://host:port without user and password is wanted");
  const name = PYROSCOPE_APPLICATION_NAME || OTEL_SERVICE_NAME || appName;
  // What a server accepts; it refuses every profile of any other name.
  if (!/^[\w./-]{1,200}$/.test(name))
    throw new Error(`Cannot use "${name}" as a name of profiles: letters, digits, ".", "-", "_" and "/" are wanted`);
  return {
    appName: name,
    serverUrl,
    headers: profileHeaders(environment),
    flushIntervalMs: timerMs(environment.PYROSCOPE_FLUSH_INTERVAL_MS) ?? 10_000,
    samplingIntervalUs: timerMs(environment.PYROSCOPE_WALL_SAMPLING_INTERVAL_MICROS) ?? 10_000,
    traceIds: PROFILE_TRACE_IDS_TO === serverUrl,
  };
}

function profileHeaders(environment: NodeJS.ProcessEnv): Record<string, string> {
  const secrets = ["AUTH_TOKEN", "BASIC_AUTH_USER", "BASIC_AUTH_PASSWORD", "TENANT_ID"].map((name) => {
    const value = environment[`PYROSCOPE_${name}`] || undefined;
    // What `fetch` refuses in a header, it repeats in its error.
    if (value && /[^\x20-\x7e]/.test(value))
      throw new Error(`Cannot use PYROSCOPE_${name}: printable ASCII characters are wanted`);
    return value;
  });
  const [token, user, password, tenant] = secrets;
  const basic = user && password && `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  const authorization = token ? `Bearer ${token}` : basic;
  return { ...(authorization ? { authorization } : {}), ...(tenant ? { "x-scope-orgid": tenant } : {}) };
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
