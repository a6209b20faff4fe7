import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { runJobs } from "../../../test/run_jobs.ts";

test("a job leaves one PRODUCER span and one CONSUMER span an attempt, and nothing else", async () => {
  // request
  // └─ add work            PRODUCER
  //    └─ process work     CONSUMER, attempt 1: ERROR
  //       └─ process work  CONSUMER, attempt 2
  //          └─ step       INTERNAL
  const spans = await runJobs(async ({ queue, ended }) => {
    await trace.getTracer("test").startActiveSpan("request", async (request) => {
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
  const { "prodlike.job.wait_ms": waitMs, "messaging.client.id": workerId, ...measured } = first.attributes;
  const { "prodlike.job.run_ms": runMs, ...rest } = measured;
  assert.ok(typeof waitMs === "number" && waitMs >= 0);
  assert.ok(typeof runMs === "number" && runMs >= 0);
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
  assert.equal(second.parentSpanContext?.spanId, producer.spanContext().spanId);
  assert.equal(typeof second.attributes["prodlike.job.wait_ms"], "number");
  assert.equal(named("step")[0]?.parentSpanContext?.spanId, second.spanContext().spanId);
});

test("delayed, repeated and flow jobs keep their trace", async () => {
  const spans = await runJobs(async ({ queue, flow, ended }) => {
    await trace.getTracer("test").startActiveSpan("request", async (request) => {
      await queue.add("delayed", {}, { delay: 300, jobId: "late" });
      const children = ["a", "b"].map((jobId) => ({ name: "child", queueName: "work", opts: { jobId } }));
      await flow.add({ name: "parent", queueName: "work", opts: { jobId: "parent" }, children });
      const repeated = await queue.upsertJobScheduler("often", { every: 60_000, limit: 1 }, { name: "repeated" });
      request.end();
      for (const id of ["late", "a", "b", "parent", String(repeated?.id)]) await ended(id);
    });
  });
  const consumers = spans.filter(({ kind }) => kind === SpanKind.CONSUMER);
  const request = spans.find(({ name }) => name === "request");
  assert.deepEqual(consumers.map(({ attributes }) => attributes["bullmq.job.name"]).sort(), [
    "child",
    "child",
    "delayed",
    "parent",
    "repeated",
  ]);
  assert.deepEqual([...new Set(consumers.map((span) => span.spanContext().traceId))], [request?.spanContext().traceId]);
  const late = consumers.find(({ attributes }) => attributes["bullmq.job.name"] === "delayed");
  const beganMs = (span: typeof late) => Number(span?.startTime[0]) * 1e3 + Number(span?.startTime[1]) / 1e6;
  const waitMs = Number(late?.attributes["prodlike.job.wait_ms"]);
  assert.ok(waitMs >= 0 && waitMs <= beganMs(late) - beganMs(request) - 299, `${waitMs}`); // timestamps are whole ms
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

for (const sandbox of ["process", "thread"] as const) {
  test(`a job whose processor runs in a ${sandbox} of its own has its job span, and no parts of its time`, async () => {
    const spans = await runJobs(
      async ({ queue, ended }) => {
        await queue.add("sandboxed", {}, { jobId: "j5" });
        await ended("j5");
      },
      { sandbox },
    );
    const [producer] = spans.filter(({ kind }) => kind === SpanKind.PRODUCER);
    const consumers = spans.filter(({ kind }) => kind === SpanKind.CONSUMER);
    assert.equal(consumers.length, 1);
    assert.equal(consumers[0]?.parentSpanContext?.spanId, producer?.spanContext().spanId);
    assert.equal(consumers[0]?.attributes["bullmq.job.name"], "sandboxed");
    assert.deepEqual(
      Object.keys(consumers[0]?.attributes ?? {}).filter((name) => name.startsWith("prodlike.")),
      [],
    );
    const [seconds, nanos] = consumers[0]?.duration ?? [0, 0];
    assert.ok(seconds * 1e9 + nanos > 1e6, "a process or thread starts in no time");
  });
}
