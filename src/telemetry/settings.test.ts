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
