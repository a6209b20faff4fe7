import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createTraceState, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { startCollector } from "../../collector/collector.ts";
import { EncodedSpans } from "./otlp_protobuf.ts";

/** Spans with everything that a span can have. */
function spansOfAllKinds() {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ "service.name": "test", "process.pid": 7, "process.command_args": ["a", "b"] }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    spanLimits: { eventCountLimit: 2, linkCountLimit: 2 },
  });
  const remote = {
    ...{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: 1, isRemote: true },
    traceState: createTraceState("vendor=value"),
  };
  const parent = trace.setSpanContext(ROOT_CONTEXT, remote);
  const tracer = provider.getTracer("scope", "1.2.3", { schemaUrl: "https://example.org/1.0.0" });
  const other = provider.getTracer("other");
  for (let i = 0; i < 3; i++) {
    const span = tracer.startSpan(
      "prêt 🚀",
      { kind: SpanKind.CONSUMER, startTime: [1_790_000_000 + i, 999_999_999] },
      parent,
    );
    span.setAttributes({
      ...{ text: "wert", empty: "", "again and again": "the same", long: "ü".repeat(100_000), surrogate: "a\ud800b" },
      ...{ zero: 0, small: 127, larger: 128, "beyond 32 bits": 2 ** 40 + 1, most: Number.MAX_SAFE_INTEGER, least: -1 },
      ...{
        lowest: Number.MIN_SAFE_INTEGER,
        half: 0.5,
        tiny: 1e-300,
        yes: true,
        no: false,
        mixed: ["a", "b"],
        none: [],
      },
      ...{ numbers: [1, -2, 3.5], booleans: [true, false] },
    });
    for (let event = 0; event <= i; event++) span.addEvent(`event ${event}`, { event }, [1_790_000_100, event]);
    for (let link = 0; link <= i; link++) span.addLink({ context: remote, attributes: { link } });
    span.addLink({ context: { ...remote, isRemote: false } });
    if (i === 1) span.setStatus({ code: SpanStatusCode.ERROR, message: "why" });
    if (i === 2) span.setStatus({ code: SpanStatusCode.OK });
    span.end([1_790_000_200, 1]);
    other.startSpan("a root").end();
  }
  return exporter.getFinishedSpans();
}

/** What a collector has stored of a request. */
async function stored(body: Uint8Array, type: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const collector = await startCollector({ folder, port: 0 });
  try {
    const headers = { "content-type": type };
    const response = await fetch(`${collector.url}/v1/traces`, { method: "POST", headers, body: Buffer.from(body) });
    assert.equal(response.status, 200, await response.text());
    await collector.close();
    return JSON.parse(readFileSync(join(folder, "traces.jsonl"), "utf8"));
  } finally {
    await collector.close();
    rmSync(folder, { recursive: true });
  }
}

function encode(batch: EncodedSpans, spans: ReadableSpan[]): Uint8Array {
  for (const span of spans) batch.add(span);
  assert.equal(batch.length, spans.length);
  return batch.take();
}

test("spans arrive as those of the stock serializer do, whatever they have", async () => {
  const spans = spansOfAllKinds();
  const stock = await stored(JsonTraceSerializer.serializeRequest(spans) ?? new Uint8Array(), "application/json");
  const batch = new EncodedSpans();
  // Again, with texts that are known by then. The last scope and the last span come first.
  for (let time = 0; time < 3; time++) {
    const ours = await stored(encode(batch, spans.toReversed()), "application/x-protobuf");
    assert.deepEqual(ours, stock);
  }
});

test("a time that is none cannot be encoded, and what comes next can", async () => {
  const [span] = spansOfAllKinds();
  assert.ok(span);
  const wrong = Object.create(span, { endTime: { value: [Number.NaN, Number.NaN] } });
  const batch = new EncodedSpans();
  assert.throws(() => batch.add(wrong), /NaN.* is not a time/);
  assert.deepEqual(encode(batch, [span]), encode(new EncodedSpans(), [span]));
});
