import assert from "node:assert/strict";
import { test } from "node:test";
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { Job } from "bullmq";
import { createInstrumentation } from "./instrumentation.ts";

const { observeJob, stage } = createInstrumentation(trace.getTracer("test"), {
  meter: metrics.getMeter("test"),
  ledger: undefined,
});
const job = { id: "1", name: "test", opts: {} } as Job; // what it reads of one

test("observeJob() takes a processor of JavaScript that returns no promise, or throws before it returns one", async () => {
  const plain = (() => "result") as unknown as () => Promise<string>;
  assert.equal(await observeJob(job, plain), "result");
  const failed = observeJob(job, () => {
    throw new Error("at once");
  });
  await assert.rejects(failed, /at once/);
});

test("observeJob() without a worker's telemetry, as in a sandbox, keeps what the job does in the job's trace", async () => {
  const exporter = new InMemorySpanExporter();
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
  try {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const opts = { telemetry: { metadata: JSON.stringify({ traceparent }) } };
    await observeJob({ ...job, opts } as Job, () => stage("work", async () => {}));
    const [span] = exporter.getFinishedSpans();
    assert.equal(span?.spanContext().traceId, "0af7651916cd43dd8448eb211c80319c");
    assert.equal(span?.parentSpanContext?.spanId, "b7ad6b7169203331");
  } finally {
    for (const api of [trace, context, propagation]) api.disable();
  }
});
