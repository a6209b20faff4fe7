import assert from "node:assert/strict";
import { test } from "node:test";
import { context, metrics, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { createPostgresBackend, type Job, type JobsOptions, Queue, Worker } from "bullmq";
import { startTestStore } from "../../test/store.ts";
import { waitFor } from "../stack/wait_for.ts";
import { createInstrumentation } from "./instrumentation.ts";

test("a job leaves one PRODUCER span and one CONSUMER span an attempt, and nothing else", async () => {
  // request
  // └─ add work            PRODUCER
  //    └─ process work     CONSUMER, attempt 1: ERROR
  //       └─ process work  CONSUMER, attempt 2
  //          └─ step       INTERNAL
  const spans = await runJobs(async ({ queue, ended }) => {
    await tracer().startActiveSpan("request", async (request) => {
      await queue.add("retried", { failFirst: true }, { attempts: 2, jobId: "j1" });
      request.end();
    });
    await ended("j1");
  });
  const named = (name: string) => spans.filter((span) => span.name === name);
  assert.deepEqual(spans.map((span) => span.name).sort(), [
    "add work.retried",
    "process work",
    "process work",
    "request",
    "step",
  ]);
  const [producer] = named("add work.retried");
  const [first, second] = named("process work");
  const [request] = named("request");
  assert.ok(producer && first && second && request);
  assert.equal(new Set(spans.map((span) => span.spanContext().traceId)).size, 1);

  assert.equal(producer.kind, SpanKind.PRODUCER);
  assert.equal(producer.parentSpanContext?.spanId, request.spanContext().spanId);
  assert.deepEqual(producer.attributes, {
    "messaging.system": "bullmq",
    "messaging.operation.type": "send",
    "messaging.operation.name": "add",
    "messaging.destination.name": "work",
    "messaging.message.id": "j1",
    "bullmq.job.name": "retried",
  });

  assert.equal(first.kind, SpanKind.CONSUMER);
  assert.equal(first.parentSpanContext?.spanId, producer.spanContext().spanId);
  assert.deepEqual(first.status, { code: SpanStatusCode.ERROR, message: "not yet" });
  assert.equal(first.attributes["error.type"], "RangeError");
  assert.deepEqual(
    first.events.map((event) => [event.name, event.attributes?.["exception.type"]]),
    [["exception", "RangeError"]],
  );
  const { "prodlike.job.wait_ms": waitMs, "messaging.client.id": workerId, ...rest } = first.attributes;
  assert.ok(typeof waitMs === "number" && waitMs >= 0);
  assert.ok(typeof workerId === "string" && workerId);
  assert.deepEqual(rest, {
    "messaging.system": "bullmq",
    "messaging.operation.type": "process",
    "messaging.operation.name": "process",
    "messaging.destination.name": "work",
    "messaging.message.id": "j1",
    "bullmq.job.name": "retried",
    "bullmq.job.attempts.made": 1,
    "error.type": "RangeError",
  });

  assert.equal(second.status.code, SpanStatusCode.UNSET);
  assert.equal(second.attributes["bullmq.job.attempts.made"], 2);
  assert.equal("prodlike.job.wait_ms" in second.attributes, false);
  assert.equal(named("step")[0]?.parentSpanContext?.spanId, second.spanContext().spanId);
});

test("a job whose processor is never called still has an ERROR span with its reason", async () => {
  const spans = await runJobs(
    async ({ queue, ended }) => {
      await queue.add("refused", {}, { jobId: "j2" });
      await ended("j2");
    },
    { maxStartedAttempts: 0.5 },
  );
  const consumer = spans.find((span) => span.kind === SpanKind.CONSUMER);
  assert.equal(consumer?.status.code, SpanStatusCode.ERROR);
  assert.match(consumer?.status.message ?? "", /more than allowable limit/);
  assert.equal(consumer?.attributes["error.type"], "UnprocessedError");
});

test("a job that nobody traced begins a trace of its own", async () => {
  const spans = await runJobs(async ({ queue, ended }) => {
    await queue.add("plain", {}, { jobId: "j3", telemetry: { omitContext: true } });
    await ended("j3");
    await queue.add("foreign", {}, { jobId: "j4", telemetry: { metadata: "not JSON" } });
    await ended("j4");
  });
  const consumers = spans.filter((span) => span.kind === SpanKind.CONSUMER);
  assert.equal(consumers.length, 2);
  assert.equal(consumers[0]?.parentSpanContext, undefined);
});

interface Session {
  queue: { add(name: string, data: object, options: JobsOptions): Promise<unknown> };
  ended(id: string): Promise<void>;
}

const tracer = () => trace.getTracer("test");

/** Runs `drive` against a real queue and worker and returns the spans that ended. */
async function runJobs(
  drive: (session: Session) => Promise<void>,
  options: { maxStartedAttempts?: number } = {},
): Promise<ReadableSpan[]> {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  const instrumentation = createInstrumentation(tracer(), metrics.getMeter("test"));
  const store = await startTestStore();
  const shared = {
    connection: { connectionString: store.url, migrate: true },
    telemetry: instrumentation.queueTelemetry,
  };
  const queue = new Queue("work", shared, createPostgresBackend);
  try {
    await queue.waitUntilReady();
    const process = (job: Job) =>
      instrumentation.observeJob(job, async () => {
        if (job.data.failFirst && job.attemptsMade === 0) throw new RangeError("not yet");
        return instrumentation.stage("step", async () => ({ secret: "result" }));
      });
    const worker = new Worker("work", process, { ...shared, ...options }, createPostgresBackend);
    const finished = new Set<string>();
    const note = (job?: Job) => void (job?.finishedOn && finished.add(String(job.id)));
    worker.on("completed", note).on("failed", note);
    const ignore = () => {}; // the store ends before the last poll
    queue.on("error", ignore);
    worker.on("error", ignore);
    try {
      await drive({
        queue,
        ended: async (id) => void (await waitFor(() => finished.has(id) || undefined, `the end of ${id}`)),
      });
    } finally {
      await worker.close();
    }
    return exporter.getFinishedSpans();
  } finally {
    await queue.close();
    await store.close();
    for (const api of [trace, context, propagation]) api.disable();
  }
}
