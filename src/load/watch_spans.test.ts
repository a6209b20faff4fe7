import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { JsonTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { LIBRARIES, type RunJobsOptions, runJobs, type Session } from "../../test/run_jobs.ts";
import { MESSAGING_MESSAGE_ID } from "../telemetry/names.ts";
import { waitFor } from "../wait_for.ts";
import type { RequestTrace } from "./request_trace.ts";
import type { JobEnd } from "./send_job.ts";
import { SpanWatch } from "./watch_spans.ts";

interface Followed extends Session {
  watch: SpanWatch;
  /** Has `work` done as by a request that carries the context of `request`. */
  serve(request: RequestTrace, work: () => Promise<unknown>): Promise<void>;
  /** The same, of a request of its own, until its end is seen. */
  follow(work: () => Promise<unknown>): Promise<JobEnd>;
  /** The job spans so far. */
  attempts: ReadableSpan[];
}

const INTERVAL_MS = 100;

/** Follows requests by the spans that a real queue and worker leave on Redis, each stored when it ends. */
async function withQueue(
  t: TestContext,
  use: (followed: Followed) => Promise<void>,
  options: Partial<RunJobsOptions> = {},
) {
  const library = LIBRARIES[0]!;
  if (library.skip) return t.skip(library.skip);
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const traces = join(folder, "traces.jsonl");
  const watch = new SpanWatch({ traces, refresh: async () => {}, intervalMs: INTERVAL_MS });
  const attempts: ReadableSpan[] = [];
  const onEnd = (span: ReadableSpan) => {
    if (span.kind === SpanKind.CONSUMER) attempts.push(span);
    appendFileSync(traces, `${Buffer.from(JsonTraceSerializer.serializeRequest([span])!).toString()}\n`);
  };
  const serve = (request: RequestTrace, work: () => Promise<unknown>) => {
    const { traceId, spanId } = request;
    const context = trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: 1, isRemote: true });
    return trace.getTracer("test").startActiveSpan("POST /jobs", { kind: SpanKind.SERVER }, context, async (span) => {
      await work();
      span.end();
    });
  };
  const follow = async (work: () => Promise<unknown>) => {
    const request = watch.begin();
    await serve(request, work);
    return watch.untilEnd(request, AbortSignal.timeout(20_000));
  };
  try {
    const drive = (session: Session) => use({ ...session, watch, serve, follow, attempts });
    await runJobs(drive, { library, ...options, onEnd });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const endMs = ({ endTime: [seconds, nanos] }: ReadableSpan) => seconds * 1e3 + nanos / 1e6;
const ids = (spans: ReadableSpan[]) => spans.map(({ attributes }) => String(attributes[MESSAGING_MESSAGE_ID]));

test("a request that adds three jobs has ended when all three have, at the end of the last span", (t) =>
  withQueue(t, async ({ queue, follow, attempts }) => {
    const end = await follow(async () => {
      await queue.add("one", {}, { jobId: "first" });
      await queue.addBulk([
        { name: "two", data: {} },
        { name: "three", data: {}, opts: { delay: 200 } },
      ]);
    });
    assert.equal(attempts.length, 3);
    assert.deepEqual([end.state, end.id, end.error], ["completed", "first", undefined]);
    assert.ok(Math.abs(end.atMs! - Math.max(...attempts.map(endMs))) < 0.01, `${end.atMs}`);
  }));

test("a request that adds none has ended, without a job, a while after its answer", (t) =>
  withQueue(t, async ({ follow, attempts }) => {
    assert.deepEqual(await follow(async () => {}), { state: "no job" });
    assert.deepEqual(attempts, []);
  }));

test("a request whose job was there already has no job of its own; the other one has", (t) =>
  withQueue(t, async ({ queue, watch, serve, follow, attempts }) => {
    const [first, second, third] = [watch.begin(), watch.begin(), watch.begin()];
    const add = (options: object) => () => queue.add("once", {}, options);
    await serve(first, add({ jobId: "same", delay: 300 }));
    await serve(second, add({ jobId: "same" }));
    await serve(third, add({ deduplication: { id: "same" }, delay: 300 }));
    const fourth = follow(add({ deduplication: { id: "same" } }));
    const ends = await Promise.all([
      ...[first, second, third].map((each) => watch.untilEnd(each, AbortSignal.timeout(20_000))),
      fourth,
    ]);
    assert.deepEqual(
      ends.map(({ state }) => state),
      ["completed", "no job", "completed", "no job"],
    );
    assert.equal(attempts.length, 2);
    // It has ended by now, and is kept.
    assert.deepEqual(await follow(add({ jobId: "same" })), { state: "no job" });
    await queue.remove("same");
    assert.equal((await follow(add({ jobId: "same" }))).state, "completed");
  }));

test("a request that adds jobs together has ended when those have that were not there already", (t) =>
  withQueue(t, async ({ queue, follow, attempts }) => {
    const bulk = (...jobIds: string[]) =>
      queue.addBulk(jobIds.map((jobId) => ({ name: jobId, data: {}, opts: { jobId } })));
    await follow(() => bulk("same"));
    const end = await follow(() => bulk("same", "new"));
    assert.deepEqual([end.state, end.id, ids(attempts)], ["completed", "new", ["same", "new"]]);
  }));

test("a request whose job was there already ends soon, however long others take or were waited for", async (t) => {
  const { now } = performance;
  let aheadMs = 0;
  performance.now = () => now.call(performance) + aheadMs;
  try {
    await withQueue(t, async ({ queue, watch, serve, follow }) => {
      const again = () => queue.add("once", {}, { jobId: "same" });
      assert.equal((await follow(again)).state, "completed");
      // Is seen before a request without a job, which was sent later, when the wait is over `ms` after its spans.
      const endsAfter = async (ms: number) => {
        const ends: string[] = [];
        const request = watch.begin();
        await serve(request, again);
        const ended = watch.untilEnd(request, AbortSignal.timeout(20_000));
        await waitFor(() => request.newsMs, "its spans");
        aheadMs += ms;
        const other = follow(async () => {});
        await Promise.all([
          ended.then(({ state }) => ends.push(`again: ${state}`)),
          other.then(() => ends.push("other")),
        ]);
        assert.deepEqual(ends, ["again: no job", "other"]);
      };
      const late = watch.begin();
      await serve(late, () => queue.add("late", {}, { delay: 60_000 }));
      const giveUp = new AbortController();
      const waited = watch.untilEnd(late, giveUp.signal);
      aheadMs += 600_000;
      giveUp.abort();
      await assert.rejects(waited, { name: "AbortError" });
      await endsAfter(4_000);
      await endsAfter(4_000); // the one before has waited so long

      const slow = watch.begin();
      await serve(slow, () => queue.add("slow", {}));
      aheadMs += 600_000;
      assert.equal((await watch.untilEnd(slow, AbortSignal.timeout(20_000))).state, "completed");
      await endsAfter(5_000);
    });
  } finally {
    performance.now = now;
  }
});

test("a request has not ended at the first attempt of its job, which is tried again after a pause", (t) =>
  withQueue(t, async ({ queue, follow, attempts }) => {
    const options = { attempts: 2, backoff: { type: "fixed", delay: 300 } };
    const end = await follow(() => queue.add("retried", { failFirst: true }, options));
    assert.deepEqual([end.state, attempts.length], ["completed", 2]);
    assert.ok(Math.abs(end.atMs! - endMs(attempts[1]!)) < 0.01);
  }));

test("a request has not ended before the job that its job adds", (t) =>
  withQueue(t, async ({ queue, follow, attempts }) => {
    const end = await follow(() => queue.add("parent", { thenAdd: "child" }, { jobId: "parent" }));
    assert.deepEqual([end.state, end.id, ids(attempts).sort()], ["completed", "parent", ["child", "parent"]]);
  }));

test("a request that adds a flow has ended when the parent has, after its children", (t) =>
  withQueue(t, async ({ flow, follow, attempts }) => {
    const node = (jobId: string) => ({ name: jobId, queueName: "work", opts: { jobId } });
    const end = await follow(() => flow.add({ ...node("parent"), children: [node("a"), node("b")] }));
    assert.deepEqual([end.state, ids(attempts).at(-1), attempts.length], ["completed", "parent", 3]);
    assert.ok(Math.abs(end.atMs! - endMs(attempts.at(-1)!)) < 0.01);
  }));

test("a request has failed when its job has for good, for the reason of the exception", (t) =>
  withQueue(t, async ({ queue, follow }) => {
    const end = await follow(() => queue.add("failing", { failFirst: true }, { jobId: "j" }));
    assert.deepEqual([end.state, end.id, end.error], ["failed", "j", "not yet"]);
  }));

test("a request whose job was handed on without its context has ended with it", (t) =>
  withQueue(t, async ({ queue, follow, attempts }) => {
    const end = await follow(() => queue.add("alone", {}, { jobId: "j", telemetry: { omitContext: true } }));
    assert.deepEqual([end.state, attempts[0]?.parentSpanContext], ["completed", undefined]);
  }));
