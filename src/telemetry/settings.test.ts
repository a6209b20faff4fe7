import assert from "node:assert/strict";
import { test } from "node:test";
import { nameService, readProfileSettings, readTelemetrySettings } from "./settings.ts";

test("readTelemetrySettings() is on only for OTEL_ENABLED=true", () => {
  assert.equal(readTelemetrySettings({}).enabled, false);
  assert.equal(readTelemetrySettings({ OTEL_ENABLED: "1" }).enabled, false);
  assert.equal(readTelemetrySettings({ OTEL_ENABLED: "true" }).enabled, true);
  assert.equal(readTelemetrySettings({ OTEL_ENABLED: "true", OTEL_SDK_DISABLED: "TRUE" }).enabled, false);
});

test("readTelemetrySettings() takes the endpoint with and without /v1/traces", () => {
  const urls: [NodeJS.ProcessEnv, string][] = [
    [{}, "http://localhost:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, "http://c:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/" }, "http://c:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/v1/traces" }, "http://c:4318/v1/traces"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c/otlp/v1/traces/" }, "https://c/otlp/v1/traces"],
    [
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/as/it/is", OTEL_EXPORTER_OTLP_ENDPOINT: "http://other" },
      "http://c/as/it/is",
    ],
  ];
  for (const [environment, url] of urls) assert.equal(readTelemetrySettings(environment).tracesUrl, url);
});

test("readTelemetrySettings() sends metrics beside the traces, unless it is told otherwise", () => {
  const urls: [NodeJS.ProcessEnv, string | undefined][] = [
    [{}, "http://localhost:4318/v1/metrics"],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318/v1/traces" }, "http://c:4318/v1/metrics"],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c:4318/v1/traces" }, "http://c:4318/v1/metrics"],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t/v1/traces" },
      "http://c/v1/metrics",
    ],
    [
      { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m/as/it/is", OTEL_EXPORTER_OTLP_ENDPOINT: "http://c" },
      "http://m/as/it/is",
    ],
    [{ OTEL_METRICS_EXPORTER: "none", OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m" }, undefined],
  ];
  for (const [environment, url] of urls) assert.equal(readTelemetrySettings(environment).metricsUrl, url);
});

test("readTelemetrySettings() reads OTEL_METRIC_EXPORT_INTERVAL, as far as a timer takes it", () => {
  const intervals = { "": 60_000, "500": 500, soon: 60_000, "0": 60_000, "-1": 60_000, "1e12": 2 ** 31 - 1 };
  for (const [text, ms] of Object.entries(intervals)) {
    assert.equal(readTelemetrySettings({ OTEL_METRIC_EXPORT_INTERVAL: text }).metricIntervalMs, ms, text);
  }
});

test("readTelemetrySettings() reads OTEL_PROPAGATORS", () => {
  assert.deepEqual(readTelemetrySettings({}).propagators, ["tracecontext", "baggage"]);
  assert.deepEqual(readTelemetrySettings({ OTEL_PROPAGATORS: "baggage, baggage" }).propagators, ["baggage"]);
  assert.deepEqual(readTelemetrySettings({ OTEL_PROPAGATORS: "none" }).propagators, []);
});

test("nameService() keeps the name that the environment has", () => {
  const unset: NodeJS.ProcessEnv = {};
  nameService("mine", unset);
  assert.equal(unset.OTEL_SERVICE_NAME, "mine");
  const set: NodeJS.ProcessEnv = { OTEL_SERVICE_NAME: "theirs" };
  nameService("mine", set);
  assert.equal(set.OTEL_SERVICE_NAME, "theirs");
});

test("readProfileSettings() has the defaults of Pyroscope, and the name of the spans", () => {
  const { headers, ...settings } = readProfileSettings("app", {});
  assert.deepEqual(settings, {
    appName: "app",
    serverUrl: "http://localhost:4040",
    flushIntervalMs: 10_000,
    samplingIntervalUs: 10_000,
    traceIds: false,
  });
  assert.deepEqual(headers, {});
  const named = { OTEL_SERVICE_NAME: "spans", PYROSCOPE_APPLICATION_NAME: "profiles" };
  assert.equal(readProfileSettings("app", { OTEL_SERVICE_NAME: "spans" }).appName, "spans");
  assert.equal(readProfileSettings("app", named).appName, "profiles");
});

test("readProfileSettings() sends trace ids to the one address that asked for them", () => {
  const to = (server: string) => ({ PYROSCOPE_SERVER_ADDRESS: server, PROFILE_TRACE_IDS_TO: "http://127.0.0.1:4040" });
  assert.equal(readProfileSettings("app", to("http://127.0.0.1:4040/")).traceIds, true);
  assert.equal(readProfileSettings("app", to("https://pyroscope.example")).traceIds, false);
});

test("readProfileSettings() names what it cannot use, and repeats no secret", () => {
  const refusals: [NodeJS.ProcessEnv, RegExp][] = [
    [{ PYROSCOPE_SERVER_ADDRESS: "pyroscope:4040" }, /PYROSCOPE_SERVER_ADDRESS: http/],
    [{ PYROSCOPE_SERVER_ADDRESS: "http://user:s3cret@p" }, /PYROSCOPE_SERVER_ADDRESS: .* without user and password/],
    [{ PYROSCOPE_TENANT_ID: "s3cret\n" }, /PYROSCOPE_TENANT_ID: printable/],
    [{ OTEL_SERVICE_NAME: "a@b" }, /"a@b" as a name of profiles/],
  ];
  for (const [environment, message] of refusals) {
    assert.throws(
      () => readProfileSettings("app", environment),
      (error: Error) => message.test(error.message) && !error.message.includes("s3cret"),
    );
  }
});
