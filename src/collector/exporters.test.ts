import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import { PROTOBUF_TYPE, withCollector } from "../../test/started_collector.ts";
import { readSpans } from "../otlp/read_spans.ts";

/** Two spans with something of everything, handed to `exporter`. */
async function trace(exporter: OTLPTraceExporter | InMemorySpanExporter): Promise<void> {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": "worker", "process.pid": 42 }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("jobs", "1.2");
  const parent = tracer.startSpan("add", { kind: SpanKind.PRODUCER });
  const link = { context: parent.spanContext(), attributes: { why: "retry" } };
  const span = tracer.startSpan('process "é"\n', {
    kind: SpanKind.CONSUMER,
    links: [link],
    startTime: [1_700_000_000, 1],
  });
  span.setAttributes({ text: 'a "b" \\ 😀', whole: -5, big: 2 ** 53, float: 0.1, yes: true, list: ["a", "b"] });
  span.addEvent("stage", { n: 1 }, [1_700_000_000, 2]);
  span.setStatus({ code: SpanStatusCode.ERROR, message: "broken" });
  span.end([1_700_000_001, 999_999_999]);
  parent.end();
  await provider.forceFlush();
}

async function check(file: string, log: string): Promise<void> {
  const spans = [];
  for await (const span of readSpans([file])) spans.push(span);
  assert.equal(spans.length, 2);
  // The exporter sends them side by side.
  const job = spans.find(({ kind }) => kind === 5);
  const add = spans.find(({ name }) => name === "add");
  assert.equal(job!.name, 'process "é"\n');
  assert.deepEqual([job!.kind, job!.parentSpanId, job!.service, job!.scope], [5, "", "worker", "jobs"]);
  assert.deepEqual([job!.startNs, job!.endNs], [1_700_000_000_000_000_001n, 1_700_000_001_999_999_999n]);
  assert.deepEqual(job!.resource["process.pid"], 42);
  assert.deepEqual(job!.attributes, {
    ...{ text: 'a "b" \\ 😀', whole: -5, big: 2n ** 53n, float: 0.1, yes: true, list: ["a", "b"] },
  });
  assert.deepEqual(job!.events, [{ name: "stage", timeNs: 1_700_000_000_000_000_002n, attributes: { n: 1 } }]);
  assert.deepEqual(job!.links, [{ traceId: add!.traceId, spanId: add!.spanId, attributes: { why: "retry" } }]);
  assert.deepEqual(job!.status, { code: 2, message: "broken" });
  assert.match(log, /^ResourceTraces #0 service\.name=worker process\.pid=42$/m);
  assert.match(log, /^ScopeTraces #0 jobs@1\.2$/m);
}

test("the collector stores what the OTLP/JSON exporter of Node sends", () =>
  withCollector(async ({ url, folder, text }) => {
    const exporter = new OTLPTraceExporter({ url: `${url}/v1/traces` });
    await trace(exporter);
    await exporter.shutdown();
    await check(`${folder}/traces.jsonl`, text("collector.log"));
  }));

test("the collector stores what the protobuf serializer of Node writes", () =>
  withCollector(async ({ post, folder, text }) => {
    const memory = new InMemorySpanExporter();
    await trace(memory);
    const body = Buffer.from(ProtobufTraceSerializer.serializeRequest(memory.getFinishedSpans())!);
    assert.equal((await post(body, PROTOBUF_TYPE)).status, 200);
    await check(`${folder}/traces.jsonl`, text("collector.log"));
  }));
