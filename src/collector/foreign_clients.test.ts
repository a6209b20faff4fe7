import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { type TestCollector, withCollector } from "../../test/started_collector.ts";
import { attributesOf } from "../otlp/attributes.ts";
import type { MetricsRequest, TracesRequest } from "../otlp/otlp_json.ts";
import { spansOf } from "../otlp/read_spans.ts";
import type { Span } from "../otlp/types.ts";

/** Runs a program; `undefined` when there is none, or it fails. */
async function output(file: string, ...args: string[]): Promise<string | undefined> {
  const { failed, stdout } = await execa(file, args, { reject: false });
  return failed ? undefined : stdout;
}

const python = process.env.PYTHON_OTEL ?? "python3";
const noPython =
  (await output(python, "-c", "import opentelemetry.exporter.otlp.proto.http")) === undefined &&
  "SKIPPED: the Python SDK: pip install -r test/foreign_client.requirements.txt (PYTHON_OTEL names the python)";
const onPath = (await output("telemetrygen", "--help")) !== undefined;
const telemetrygen = onPath ? "telemetrygen" : join((await output("go", "env", "GOPATH")) ?? "", "bin/telemetrygen");
const noTelemetrygen =
  (await output(telemetrygen, "--help")) === undefined &&
  "SKIPPED: telemetrygen: go install github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0";

/** The requests in a file of the collector. */
function requests<Request>({ text }: TestCollector, file: string): Request[] {
  return JSON.parse(`[${text(file).trim().replaceAll("\n", ",")}]`);
}

function storedSpans(collector: TestCollector): Span[] {
  return requests<TracesRequest>(collector, "traces.jsonl").flatMap((request) => [...spansOf(request)]);
}

function storedPoints(collector: TestCollector) {
  const resources = requests<MetricsRequest>(collector, "metrics.jsonl").flatMap((each) => each.resourceMetrics ?? []);
  const scopes = resources.flatMap((each) => each.scopeMetrics ?? []);
  const metrics = scopes.flatMap((each) => each.metrics ?? []);
  return metrics.flatMap(({ name, unit = "", gauge, sum, histogram, exponentialHistogram }) => {
    const points = (gauge ?? sum ?? histogram ?? exponentialHistogram)?.dataPoints ?? [];
    return points.map(({ attributes, ...point }) => ({ name, unit, attributes: attributesOf(attributes), ...point }));
  });
}

for (const compression of ["none", "gzip"]) {
  const name = `the collector stores what the SDK of Python sends, compression ${compression}`;
  test(noPython || name, { skip: Boolean(noPython) }, () =>
    withCollector(async (collector) => {
      const env = {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_COMPRESSION: compression,
        NO_PROXY: "127.0.0.1",
      };
      const { stdout } = await execa(python, [join(import.meta.dirname, "../../test/foreign_client.py")], { env });
      const told = JSON.parse(stdout);
      assert.deepEqual([told.spans.length, told.points.length], [1_000, 17]);
      const digits = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
      assert.deepEqual(JSON.parse(JSON.stringify(storedSpans(collector), digits)), told.spans);
      assert.deepEqual(storedPoints(collector), told.points);
    }),
  );
}

const ATTRIBUTES = { text: "é 😀", yes: true, whole: -42, list: ["a", "b"] };
const EXEMPLAR = { traceId: "ae87dadd90e9935a4bc9660628efd569", spanId: "5828fa4960140870" };

/** Runs telemetrygen, and returns how much it says to have sent. */
async function generate({ url }: TestCollector, kind: "traces" | "metrics", args: string[]): Promise<number> {
  const attributes = Object.entries(ATTRIBUTES).map(
    ([key, value]) => `--telemetry-attributes=${key}=${JSON.stringify(value)}`,
  );
  const target = ["--otlp-http", "--otlp-insecure", "--otlp-endpoint", new URL(url).host, "--rate=0"];
  const { all } = await execa(telemetrygen, [kind, ...target, ...attributes, ...args], { all: true });
  return Number(new RegExp(`${kind} generated.*"${kind}": (\\d+)`).exec(all)![1]);
}

test(noTelemetrygen || "the collector stores the traces of telemetrygen", { skip: Boolean(noTelemetrygen) }, () =>
  withCollector(async (collector) => {
    const args = ["--traces=100", "--child-spans=3", "--span-links=1", "--status-code=Error"];
    assert.equal(await generate(collector, "traces", args), 100);
    const spans = storedSpans(collector);
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    assert.deepEqual([spans.length, byId.size], [400, 400]);
    assert.equal(spans.filter(({ name, kind }) => name === "lets-go" && kind === 3).length, 100);
    for (const { name, traceId, parentSpanId, attributes, links, status, service } of spans) {
      assert.equal(byId.get(parentSpanId)?.traceId, name === "lets-go" ? undefined : traceId);
      assert.deepEqual({ ...attributes, ...ATTRIBUTES }, attributes);
      assert.deepEqual([status.code, service], [2, "telemetrygen"]);
      for (const link of links) assert.equal(byId.get(link.spanId)?.traceId, link.traceId);
    }
    assert.ok(spans.flatMap(({ links }) => links).length >= 300);
  }),
);

test(noTelemetrygen || "the collector stores the metrics of telemetrygen", { skip: Boolean(noTelemetrygen) }, () =>
  withCollector(async (collector) => {
    for (const type of ["Gauge", "Sum", "Histogram", "ExponentialHistogram"]) {
      const args = [
        "--metrics=50",
        `--metric-type=${type}`,
        `--trace-id=${EXEMPLAR.traceId}`,
        `--span-id=${EXEMPLAR.spanId}`,
      ];
      assert.equal(await generate(collector, "metrics", args), 50, type);
    }
    const points = storedPoints(collector);
    assert.equal(points.length, 200);
    for (const { attributes } of points) assert.deepEqual(attributes, ATTRIBUTES);
    // Gauges and sums are numbered.
    const numbers = points.flatMap((point) => ("asInt" in point ? Number(point.asInt) : []));
    assert.deepEqual(numbers, [...Array(50).keys(), ...Array(50).keys()]);
    const exemplars = collector.text("metrics.jsonl").match(new RegExp(`"traceId":"${EXEMPLAR.traceId}"`, "g"));
    assert.ok(exemplars!.length >= 200);
  }),
);
