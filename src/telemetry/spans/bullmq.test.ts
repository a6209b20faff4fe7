import assert from "node:assert/strict";
import { SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import type { Job, Telemetry } from "bullmq";
import { ofKind, testWith } from "../../../test/job_spans.ts";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";
import { patchBullmq, type QueueObserver } from "./bullmq.ts";

testWith(
  LIBRARIES,
  "a processor is called as without us, may return no promise, and throw before it does",
  async (library) => {
    const seen: unknown[] = [];
    const spans = await runJobs(
      async ({ queue, worker, ended }) => {
        const results: unknown[] = [];
        worker.on("completed", (_job, result) => void results.push(result));
        worker.on("failed", (_job, error) => void results.push(error.message));
        await queue.add("plain", {}, { jobId: "j1" });
        await ended("j1");
        await queue.add("throws", {}, { jobId: "j2" });
        await ended("j2");
        assert.deepEqual(results, ["result", "at once"]);
      },
      {
        library,
        processor: (job: Job, token, signal) => {
          seen.push(typeof token, signal instanceof AbortSignal);
          if (job.name === "throws") throw new Error("at once");
          return "result";
        },
      },
    );
    assert.deepEqual(seen, ["string", true, "string", true]);
    const [plain, throws] = ofKind(spans, SpanKind.CONSUMER);
    assert.deepEqual([plain?.status.code, throws?.status.code], [SpanStatusCode.UNSET, SpanStatusCode.ERROR]);
  },
);

const unknown = () => undefined;
/** BullMQ's interface, as an adapter of the application's own implements it. */
const THEIRS = {
  tracer: {
    startSpan: () => ({
      setSpanOnContext: unknown,
      ...{ setAttribute: unknown, setAttributes: unknown, addEvent: unknown, recordException: unknown, end: unknown },
    }),
  },
  contextManager: {
    active: unknown,
    with: (_: unknown, run: () => unknown) => run(),
    getMetadata: () => "theirs",
    fromMetadata: unknown,
  },
} as unknown as Telemetry;

testWith(LIBRARIES, "a queue and a worker with telemetry of their own stay as they are", async (library) => {
  let brought: string | undefined;
  const spans = await runJobs(
    async ({ queue, ended }) => {
      await queue.add("theirs", {}, { jobId: "j1" });
      await ended("j1");
    },
    {
      library,
      telemetry: THEIRS,
      processor: async (job) => {
        brought = job.opts.telemetry?.metadata;
      },
    },
  );
  assert.deepEqual(spans, []);
  assert.equal(brought, "theirs");
});

testWith(LIBRARIES, "a second patch changes nothing, and what is taken back is as it was", async (library) => {
  const { Queue, Worker } = library.bullmq;
  const methods = () => [Queue.prototype.add, Reflect.get(Worker.prototype, "processJob")];
  const before = methods();
  const spans = await runJobs(
    async ({ queue, ended }) => {
      const patched = methods();
      patchBullmq(library.bullmq, { producers: {}, attempts: {}, workers: {} } as QueueObserver); // that would see nothing
      assert.deepEqual(methods(), patched);
      await queue.add("once", {}, { jobId: "j1" });
      await ended("j1");
    },
    { library },
  );
  assert.equal(spans.length, 3);
  assert.deepEqual(methods(), before);
});

testWith(LIBRARIES, "an application goes on when we cannot observe it", async (library) => {
  const broken = {
    startSpan() {
      throw new Error("broken");
    },
  } as unknown as Tracer;
  const results: unknown[] = [];
  const spans = await runJobs(
    async ({ queue, flow, worker, ended }) => {
      worker.on("completed", (_job, result) => void results.push(result));
      await queue.add("plain", {}, { jobId: "j1" });
      await ended("j1");
      await flow.add({ name: "flow", queueName: "work", opts: { jobId: "j2" } });
      await ended("j2");
      await assert.rejects(queue.add("wrong", {}, { jobId: "0" }), /JobId cannot be '0'/);
    },
    { library, tracer: broken, processor: async () => "done" },
  );
  assert.deepEqual(results, ["done", "done"]);
  assert.deepEqual(spans, []);
});
