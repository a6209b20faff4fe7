import assert from "node:assert/strict";
import { SpanKind, SpanStatusCode, type Tracer } from "@opentelemetry/api";
import type { Job, Telemetry } from "bullmq";
import { ofKind, testWith } from "../../../test/job_spans.ts";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";
import * as names from "../names.ts";
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

testWith(
  LIBRARIES,
  "what a processor throws is told, and moves are no failures, as BullMQ sees it",
  async (library) => {
    const bare = Object.assign(Object.create(null), { message: "bare" });
    const thrown: Record<string, unknown> = {
      text: "just text",
      object: { name: "TheirError", message: "theirs" },
      bare,
      silent: Object.create(null),
      limited: Object.assign(new Error("of somebody else's API"), { name: "RateLimitError" }),
    };
    const spans = await runJobs(
      async ({ queue, ended }) => {
        for (const jobId of Object.keys(thrown)) {
          await queue.add(jobId, {}, { jobId });
          await ended(jobId);
        }
        await queue.add("moves", {}, { jobId: "moves" });
        await ended("moves");
      },
      {
        library,
        processor: async (job, token) => {
          if (job.name in thrown) throw thrown[job.name];
          if (job.data.isDelayed) return;
          await job.updateData({ isDelayed: true });
          await job.moveToDelayed(Date.now() + 20, token);
          throw { name: "DelayedError", message: "not an Error" };
        },
      },
    );
    const told = ofKind(spans, SpanKind.CONSUMER).map(({ status, attributes }) => [
      status.message,
      attributes[names.ERROR_TYPE],
      attributes[names.JOB_FINAL],
    ]);
    assert.deepEqual(told, [
      ["just text", "Error", true],
      ["theirs", "TheirError", true],
      ["bare", "Error", true],
      ["[object Object]", "Error", true],
      ["of somebody else's API", "RateLimitError", true],
      [undefined, undefined, false],
      [undefined, undefined, true],
    ]);
  },
);

testWith(LIBRARIES, "the error of a processor that a subclass calls itself is its own", async (library) => {
  const { Worker } = library.bullmq;
  class Own extends Worker {
    protected override callProcessJob(job: Job, token: string) {
      return this.processFn(job, token);
    }
  }
  const spans = await runJobs(
    async ({ queue, worker, url }) => {
      await worker.close();
      const fail = async () => {
        throw new RangeError("boom");
      };
      const own = new Own("work", fail, { connection: { url }, skipStalledCheck: true });
      const failed = new Promise((resolve) => own.on("failed", resolve));
      await queue.add("plain", {}, { jobId: "j1" });
      await failed;
      await own.close();
    },
    { library },
  );
  const [consumer] = ofKind(spans, SpanKind.CONSUMER);
  assert.deepEqual([consumer?.status.message, consumer?.attributes[names.ERROR_TYPE]], ["boom", "RangeError"]);
});

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
