import assert from "node:assert/strict";
import { test } from "node:test";
import { nameService, readTelemetrySettings } from "./settings.ts";

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
