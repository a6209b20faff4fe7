import assert from "node:assert/strict";
import { test } from "node:test";
import { INVALID_SPAN_CONTEXT, SpanKind } from "@opentelemetry/api";
import { consumersOf, ofKind, testWith, traceOf } from "../../../test/job_spans.ts";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";
import { waitFor } from "../../wait_for.ts";
import { BULLMQ_JOB_NAME, JOB_WAIT_MS, MESSAGING_MESSAGE_ID } from "../names.ts";
import type { Job, Worker } from "./bullmq_types.ts";
import { backoffMs, RequeuedJobs, waitMs } from "./requeue.ts";

for (const library of LIBRARIES) {
  const what = "a retry waits from its re-queueing on, less its backoff, and has a link to the attempt before";
  test(`${what} (${library.name})`, { skip: library.skip ?? false }, async () => {
    const spans = await runJobs(
      async ({ queue, ended }) => {
        const backoff = { type: "exponential", delay: 700 };
        await queue.add("retried", { failFirst: true, thenAdd: "child" }, { attempts: 2, jobId: "j1", backoff });
        await ended("j1");
        await ended("child");
        await queue.add(
          "random",
          { failFirst: true },
          { attempts: 2, jobId: "j2", backoff: { ...backoff, jitter: 1 } },
        );
        await ended("j2");
      },
      { library, retryAs: "link" },
    );
    const attempts = (id: string) => {
      return spans.filter(
        ({ kind, attributes }) => kind === SpanKind.CONSUMER && attributes[MESSAGING_MESSAGE_ID] === id,
      );
    };
    const [first, second] = attempts("j1");
    assert.ok(first && second);
    assert.ok(Number(second.attributes[JOB_WAIT_MS]) < 700, String(second.attributes[JOB_WAIT_MS]));
    assert.deepEqual(
      second.links.map(({ context }) => context.spanId),
      [first.spanContext().spanId],
    );
    assert.equal(second.parentSpanContext?.spanId, first.parentSpanContext?.spanId);
    // What a retry adds is no retry, and belongs to it.
    const [child] = attempts("child");
    assert.deepEqual([child?.links, child?.spanContext().traceId], [[], second.spanContext().traceId]);
    assert.equal(JOB_WAIT_MS in attempts("j2")[1]!.attributes, false);
  });
}

testWith(LIBRARIES, "a retry does not wait from what another job of the same id has left", async (library) => {
  const { Queue, Worker } = library.bullmq;
  const spans = await runJobs(
    async ({ queue, url, ended }) => {
      const theirs = { connection: { url }, prefix: "theirs" };
      const other = new Queue("work", theirs);
      const worker = new Worker("work", async () => {}, { ...theirs, skipStalledCheck: true });
      try {
        await queue.add("retried", { failFirst: true }, { attempts: 2, jobId: "j1", backoff: 300 });
        await waitFor(async () => (await queue.getDelayedCount()) || undefined, "the failure");
        await other.add("first", {}, { jobId: "j1" });
        await ended("j1");
      } finally {
        await worker.close();
        await other.close();
      }
    },
    { library, retryAs: "link" },
  );
  const consumers = ofKind(spans, SpanKind.CONSUMER);
  assert.deepEqual(
    consumers.map(({ attributes, links }) => [attributes[BULLMQ_JOB_NAME], links.length]),
    [
      ["retried", 0],
      ["first", 0],
      ["retried", 1],
    ],
  );
  assert.equal(typeof consumers[2]?.attributes[JOB_WAIT_MS], "number");
});

test("RequeuedJobs.take() tells nothing when an attempt lies between, or the id is that of another job", () => {
  const worker = { qualifiedName: "bull:work" } as Worker;
  const failed = { id: "j1", name: "job", timestamp: 1, attemptsMade: 1, attemptsStarted: 2 };
  const next = { ...failed, attemptsMade: 2, attemptsStarted: 3 };
  const taken = (job: Job) => {
    const requeued = new RequeuedJobs();
    requeued.remember(worker, failed, INVALID_SPAN_CONTEXT);
    return requeued.take(worker, job) !== undefined;
  };
  const others = [
    { timestamp: 2 },
    { attemptsMade: 3 },
    { attemptsStarted: 4 },
    { attemptsMade: 0, attemptsStarted: 1 },
  ];
  assert.deepEqual(
    [taken(next), ...others.map((other) => taken({ ...next, ...other }))],
    [true, false, false, false, false],
  );
});

test("waitMs() is unknown without a time of adding, and where a delay was changed", () => {
  const job = { name: "job", processedOn: 1_000, attemptsMade: 0, attemptsStarted: 1 };
  assert.equal(waitMs({ ...job, timestamp: 900 }, undefined), 100);
  assert.equal(waitMs({ ...job, timestamp: 1_001 }, undefined), 0); // by another clock
  assert.equal(waitMs({ ...job, timestamp: Number.NaN }, undefined), undefined);
  assert.equal(waitMs({ ...job, timestamp: 900, opts: { delay: 60_000 } }, undefined), undefined);
});

testWith(LIBRARIES, "a job that waits for its children or is promoted tells no wait", async (library) => {
  const spans = await runJobs(
    async ({ queue, flow, ended }) => {
      const child = { name: "child", queueName: "work", opts: { jobId: "child" } };
      await flow.add({ name: "parent", queueName: "work", opts: { jobId: "parent" }, children: [child] });
      await ended("parent");
      const job = await queue.add("promoted", {}, { jobId: "promoted", delay: 60_000 });
      await job.promote();
      await ended("promoted");
    },
    { library },
  );
  const told = ["child", "parent", "promoted"].map((id) => JOB_WAIT_MS in consumersOf(spans, id)[0]!.attributes);
  assert.deepEqual(told, [true, false, false]);
  assert.equal(new Set(["child", "parent"].map((id) => traceOf(consumersOf(spans, id)[0]))).size, 1);
});

test("backoffMs() knows what is neither random nor the user's own", () => {
  assert.equal(backoffMs(undefined, 1), 0);
  assert.equal(backoffMs(70, 3), 70);
  assert.equal(backoffMs({ type: "fixed", delay: 70 }, 3), 70);
  assert.equal(backoffMs({ type: "exponential", delay: 70 }, 3), 280);
  assert.equal(backoffMs({ type: "fixed", delay: 70, jitter: 0.5 }, 1), undefined);
  assert.equal(backoffMs({ type: "own" }, 1), undefined);
});
