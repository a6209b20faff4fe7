import assert from "node:assert/strict";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { DelayedError, UnrecoverableError } from "bullmq";
import { consumersOf, ofKind, request, testWith, traceOf } from "../../../test/job_spans.ts";
import { LIBRARIES, ON_POSTGRES, runJobs } from "../../../test/run_jobs.ts";
import * as names from "../names.ts";

const EVERYWHERE = [ON_POSTGRES, ...LIBRARIES];

testWith(
  EVERYWHERE,
  "a job leaves one PRODUCER span and one CONSUMER span an attempt, and nothing else",
  async (library) => {
    // request
    // └─ add work            PRODUCER
    //    └─ process work     CONSUMER, attempt 1: ERROR
    //    └─ process work     CONSUMER, attempt 2
    //       └─ step          INTERNAL
    const spans = await runJobs(
      async ({ queue, ended }) => {
        await request(() => queue.add("retried", { failFirst: true }, { attempts: 2, jobId: "j1" }));
        await ended("j1");
      },
      { library },
    );
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
    const [root] = named("request");
    assert.ok(producer && first && second && root);
    assert.equal(new Set(spans.map(traceOf)).size, 1);

    assert.equal(producer.kind, SpanKind.PRODUCER);
    assert.equal(producer.parentSpanContext?.spanId, root.spanContext().spanId);
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
      "prodlike.job.final": false,
      "error.type": "RangeError",
    });

    assert.equal(second.status.code, SpanStatusCode.UNSET);
    assert.equal(second.attributes[names.BULLMQ_JOB_ATTEMPTS_MADE], 2);
    assert.equal(second.attributes[names.JOB_FINAL], true);
    assert.equal(second.parentSpanContext?.spanId, producer.spanContext().spanId);
    assert.equal(typeof second.attributes[names.JOB_WAIT_MS], "number");
    assert.equal(named("step")[0]?.parentSpanContext?.spanId, second.spanContext().spanId);
  },
);

testWith(
  EVERYWHERE,
  "delayed, repeated, bulk and flow jobs, and those that a job adds, keep their trace",
  async (library) => {
    const spans = await runJobs(
      async ({ queue, flow, ended }) => {
        await request(async () => {
          await queue.add("delayed", {}, { delay: 300, jobId: "late" });
          const children = ["a", "b"].map((jobId) => ({ name: "child", queueName: "work", opts: { jobId } }));
          await flow.add({ name: "parent", queueName: "work", opts: { jobId: "parent" }, children });
          await flow.addBulk([{ name: "parent", queueName: "work", children: [{ name: "child", queueName: "work" }] }]);
          await queue.addBulk([
            { name: "bulk", data: {} },
            { name: "bulk", data: {}, opts: { jobId: "last" } },
          ]);
          await queue.add("adds", { thenAdd: "added" });
          const repeated = await queue.upsertJobScheduler("often", { every: 60_000, limit: 1 }, { name: "repeated" });
          for (const id of ["late", "a", "b", "parent", "last", "added", String(repeated?.id)]) await ended(id);
        });
      },
      { library },
    );
    const consumers = ofKind(spans, SpanKind.CONSUMER);
    const root = spans.find(({ name }) => name === "request");
    assert.deepEqual(consumers.map(({ attributes }) => attributes[names.BULLMQ_JOB_NAME]).sort(), [
      ...["added", "adds", "bulk", "bulk", "child", "child", "child", "delayed", "parent", "parent", "repeated"],
    ]);
    assert.deepEqual([...new Set(consumers.map(traceOf))], [traceOf(root)]);
    // The job's own span is the ancestor of what it adds.
    const [adds] = consumers.filter(({ attributes }) => attributes[names.BULLMQ_JOB_NAME] === "adds");
    const added = spans.find(({ name }) => name === "add work.added");
    assert.equal(added?.parentSpanContext?.spanId, adds?.spanContext().spanId);
    assert.equal(consumersOf(spans, "added")[0]?.parentSpanContext?.spanId, added?.spanContext().spanId);
    // A flow has a span for its call, and one for each job, nested as they are.
    const nodes = spans.filter(({ name }) => name === "addNode work");
    const parent = nodes.find(({ attributes }) => attributes[names.MESSAGING_MESSAGE_ID] === "parent");
    const child = nodes.find(({ attributes }) => attributes[names.MESSAGING_MESSAGE_ID] === "a");
    assert.equal(nodes.length, 5);
    assert.ok(nodes.every(({ attributes }) => attributes[names.MESSAGING_MESSAGE_ID]));
    assert.equal(child?.parentSpanContext?.spanId, parent?.spanContext().spanId);
    assert.equal(consumersOf(spans, "a")[0]?.parentSpanContext?.spanId, child?.spanContext().spanId);
    const bulk = spans.find(({ name }) => name === "addBulk work");
    assert.equal(bulk?.attributes[names.MESSAGING_BATCH_MESSAGE_COUNT], 2);

    const [late] = consumersOf(spans, "late");
    const beganMs = (span?: ReadableSpan) => Number(span?.startTime[0]) * 1e3 + Number(span?.startTime[1]) / 1e6;
    const waitMs = Number(late?.attributes[names.JOB_WAIT_MS]);
    assert.ok(waitMs >= 0 && waitMs <= beganMs(late) - beganMs(root) - 299, `${waitMs}`); // timestamps are whole ms
  },
);

testWith(LIBRARIES, "a job that is added a second time is one job, of the first trace", async (library) => {
  const spans = await runJobs(
    async ({ queue, worker, ended }) => {
      await worker.pause();
      const opts = { deduplication: { id: "same" }, jobId: "j1" };
      for (let i = 0; i < 2; i++) await request(() => queue.add("once", {}, opts));
      await worker.resume();
      await ended("j1");
    },
    { library },
  );
  const producers = ofKind(spans, SpanKind.PRODUCER);
  assert.equal(new Set(producers.map(traceOf)).size, 2);
  assert.deepEqual(ofKind(spans, SpanKind.CONSUMER).map(traceOf), [traceOf(producers[0])]);
});

testWith(LIBRARIES, "jobs that run at once have each its own context", async (library) => {
  const ids = ["a", "b", "c"];
  let running = 0;
  let all!: () => void;
  const together = new Promise<void>((resolve) => {
    all = resolve;
  });
  const spans = await runJobs(
    async ({ queue, ended }) => {
      for (const jobId of ids) await queue.add("at once", {}, { jobId });
      for (const id of ids) await ended(id);
    },
    {
      library,
      concurrency: 3,
      processor: async (job) => {
        if (++running === 3) all();
        await together;
        trace.getTracer("test").startSpan(`step of ${job.id}`).end();
      },
    },
  );
  for (const id of ids) {
    const step = spans.find(({ name }) => name === `step of ${id}`);
    assert.equal(step?.parentSpanContext?.spanId, consumersOf(spans, id)[0]?.spanContext().spanId, id);
  }
});

testWith(LIBRARIES, "the attempt after which none follows is marked, however the job ends", async (library) => {
  const spans = await runJobs(
    async ({ queue, ended }) => {
      await queue.add("fails", {}, { jobId: "j1", attempts: 2 });
      await queue.add("gives up", {}, { jobId: "j2", attempts: 2 });
      await queue.add("comes later", {}, { jobId: "j3" });
      for (const id of ["j1", "j2", "j3"]) await ended(id);
    },
    {
      library,
      processor: async (job, token) => {
        if (job.name === "gives up") throw new UnrecoverableError("no use");
        if (job.name === "fails") throw new Error("again");
        if (job.data.isDelayed) return;
        await job.updateData({ isDelayed: true });
        await job.moveToDelayed(Date.now() + 20, token);
        throw new DelayedError();
      },
    },
  );
  const finals = (id: string) => consumersOf(spans, id).map(({ attributes }) => attributes[names.JOB_FINAL]);
  assert.deepEqual([finals("j1"), finals("j2"), finals("j3")], [[false, true], [true], [false, true]]);
  // A job that has put itself off has not failed.
  assert.deepEqual(
    consumersOf(spans, "j3").map(({ status }) => status.code),
    [SpanStatusCode.UNSET, SpanStatusCode.UNSET],
  );
});

testWith(
  LIBRARIES,
  "a job whose processor is never called still has an ERROR span with its reason",
  async (library) => {
    const spans = await runJobs(
      async ({ queue, ended }) => {
        await queue.add("refused", {}, { jobId: "j2" });
        await ended("j2");
      },
      { library, maxStartedAttempts: 0.5 },
    );
    const [consumer] = ofKind(spans, SpanKind.CONSUMER);
    assert.equal(consumer?.status.code, SpanStatusCode.ERROR);
    assert.match(consumer?.status.message ?? "", /more than allowable limit/);
    assert.equal(consumer?.attributes[names.ERROR_TYPE], "UnprocessedError");
    assert.equal(consumer?.attributes[names.JOB_FINAL], true);
  },
);

testWith(
  LIBRARIES,
  "a job whose result cannot be stored has failed, whatever its processor returned",
  async (library) => {
    const circle: { self?: object } = {};
    circle.self = circle;
    const spans = await runJobs(
      async ({ queue, ended }) => {
        await queue.add("circle", {}, { jobId: "j1" });
        await ended("j1");
      },
      { library, processor: async () => circle },
    );
    const [consumer] = ofKind(spans, SpanKind.CONSUMER);
    assert.match(consumer?.status.message ?? "", /circular/);
    assert.equal(consumer?.attributes[names.JOB_FINAL], true);
  },
);

testWith(LIBRARIES, "nothing is on a job that its application does not put there", async (library) => {
  const keys = async (job: object) => void seen.push(Reflect.ownKeys(job).filter((key) => typeof key === "symbol"));
  const seen: unknown[] = [];
  await runJobs(
    async ({ queue, worker, ended }) => {
      worker.on("completed", keys);
      await queue.add("plain", {}, { jobId: "j1" });
      await ended("j1");
    },
    { library, processor: keys },
  );
  assert.deepEqual(seen, [[], []]);
});

testWith(LIBRARIES, "a job that nobody traced begins a trace of its own", async (library) => {
  const spans = await runJobs(
    async ({ queue, ended }) => {
      await queue.add("plain", {}, { jobId: "j3", telemetry: { omitContext: true } });
      await ended("j3");
      await queue.addBulk([{ name: "foreign", data: {}, opts: { jobId: "j4", telemetry: { metadata: "not JSON" } } }]);
      await ended("j4");
    },
    { library },
  );
  const consumers = ofKind(spans, SpanKind.CONSUMER);
  assert.deepEqual(
    consumers.map(({ parentSpanContext }) => parentSpanContext),
    [undefined, undefined],
  );
});

for (const sandbox of ["process", "thread"] as const) {
  const what = `a job whose processor runs in a ${sandbox} of its own has its job span, and no parts of its time`;
  testWith(LIBRARIES, what, async (library) => {
    const spans = await runJobs(
      async ({ queue, ended }) => {
        await queue.add("sandboxed", {}, { jobId: "j5" });
        await ended("j5");
      },
      { library, sandbox },
    );
    const [producer] = ofKind(spans, SpanKind.PRODUCER);
    const consumers = ofKind(spans, SpanKind.CONSUMER);
    assert.equal(consumers.length, 1);
    assert.equal(consumers[0]?.parentSpanContext?.spanId, producer?.spanContext().spanId);
    assert.equal(consumers[0]?.attributes[names.BULLMQ_JOB_NAME], "sandboxed");
    assert.deepEqual(
      Object.keys(consumers[0]?.attributes ?? {}).filter((name) => name.startsWith("prodlike.")),
      [names.JOB_WAIT_MS, names.JOB_FINAL],
    );
    const [seconds, nanos] = consumers[0]?.duration ?? [0, 0];
    assert.ok(seconds * 1e9 + nanos > 1e6, "a process or thread starts in no time");
  });
}
