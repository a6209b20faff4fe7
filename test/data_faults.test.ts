import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { JobFollower } from "../src/load/follow_job.ts";
import { waitFor } from "../src/wait_for.ts";
import { jobOf, type ReviewingStack, withStack } from "./reviewing_stack.ts";
import { startTestRedis } from "./store.ts";

// What was acknowledged survives as long as its store does: each test breaks a part of a stack while jobs run.

/** Sends spans until `wanted` are acknowledged; `acknowledged` gets the names of those in requests answered with 200. */
async function sendSpans(collector: string, acknowledged: string[], wanted: number): Promise<void> {
  const attributes = [{ key: "filling", value: { stringValue: "x".repeat(2_000) } }];
  const headers = { "content-type": "application/json" };
  const deadline = performance.now() + 60_000;
  let sent = 0;
  const loop = async () => {
    while (acknowledged.length < wanted && performance.now() < deadline) {
      const spans = Array.from({ length: 5 }, () => {
        const id = String(++sent);
        return { traceId: id.padStart(32, "f"), spanId: id.padStart(16, "f"), name: `sent-${id}`, attributes };
      });
      const body = JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ spans }] }] });
      // No answer while it is away: on with the next.
      const answer = await fetch(`${collector}/v1/traces`, { method: "POST", headers, body }).catch(() => undefined);
      if (answer?.status === 200) acknowledged.push(...spans.map(({ name }) => name));
      await sleep(10);
    }
  };
  await Promise.all([loop(), loop(), loop(), loop()]);
}

/** Milliseconds that one small job after the other takes, the median. */
async function medianMs({ api, accepted }: ReviewingStack, jobs: number): Promise<number> {
  const times: number[] = [];
  const follower = new JobFollower({});
  const request = { method: "POST", url: `${api}/reviews`, body: '{"repository":"small"}' };
  for (let i = 0; i < jobs; i++) {
    const { id, totalMs } = await follower.drive(request, { signal: AbortSignal.timeout(30_000) });
    accepted.push(id);
    times.push(totalMs);
  }
  return times.sort((a, b) => a - b)[jobs >> 1]!;
}

test("acknowledged spans outlive a killed collector; the worker neither waits nor keeps all that it cannot send", (t) =>
  // The defaults, 2,048 and 512, made small enough to be exceeded by the spans of 12 jobs.
  withStack({ WORKER_ENV: "OTEL_BSP_MAX_QUEUE_SIZE=16 OTEL_BSP_MAX_EXPORT_BATCH_SIZE=8" }, async (stack) => {
    const acknowledged: string[] = [];
    const usualMs = await medianMs(stack, 8);
    await stack.allDone();
    const sending = sendSpans(`http://127.0.0.1:${stack.checkout.environment.OTLP_PORT}`, acknowledged, 1_000);
    await waitFor(() => acknowledged.length > 500 || undefined, "500 acknowledged spans");
    await stack.kill("collector", "SIGKILL");
    appendFileSync(stack.traces, '{"resourceSpans":[{"half of a li'); // what a write leaves that the kill cut off
    const usual = stack.accepted.splice(0);
    const awayMs = await medianMs(stack, 12);
    t.diagnostic(`median of a job: ${usualMs.toFixed()} ms, without the collector ${awayMs.toFixed()} ms`);
    assert.ok(awayMs < 3 * usualMs + 500);
    const away = stack.accepted.splice(0);

    await stack.run("otel_up");
    await sending;
    // The exporter tries again after up to 5 s; until then the queue is full.
    const arrives = async () => {
      await medianMs(stack, 1);
      return (await stack.jobSpans()).length > 0 || undefined;
    };
    await waitFor(arrives, "a new job span", { timeoutMs: 30_000, everyMs: 300 });

    const spans = await stack.spans();
    const names = new Set(spans.map(({ name }) => name));
    const missing = acknowledged.filter((name) => !names.has(name));
    assert.deepEqual([missing.length, acknowledged.length >= 1_000], [0, true]);
    assert.equal(readFileSync(stack.traces).at(-1), "\n".charCodeAt(0));
    assert.equal((await stack.jobSpans(usual)).length, usual.length);
    // The worker's log tells the traces of the jobs that ran without a collector.
    const lines = stack
      .log("worker")
      .split("\n")
      .filter((line) => away.some((id) => line.includes(id)));
    const traces = new Set(lines.map((line) => JSON.parse(line).trace_id));
    assert.equal(traces.size, away.length);
    const kept = spans.filter(({ service, traceId }) => service === "prodlike-worker" && traces.has(traceId));
    t.diagnostic(`${kept.length} worker spans of ${away.length} jobs were kept`);
    assert.ok(kept.length <= 16 + 8, "more than the queue and one batch hold");
    assert.match(stack.log("worker"), /Dropped \d+ spans because maxQueueSize reached/);

    const worker = stack.pid("worker");
    await stack.run("otel_restart");
    stack.accepted.splice(0);
    await medianMs(stack, 1);
    await stack.allDone();
    assert.equal(stack.pid("worker"), worker);
  }));

/** Stops the processes of the queue store for 10 s while jobs run; they go on as if it had only been slow. */
async function silenceStore(stack: ReviewingStack, store: string, pids: number[]): Promise<void> {
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of pids) process.kill(pid, signal);
  };
  await stack.post("small");
  await stack.allDone();
  await stack.untilRunning((await stack.post("large")).id);
  for (let i = 0; i < 3; i++) await stack.post("small");
  signalAll("SIGSTOP");
  try {
    const tenSeconds = sleep(10_000);
    const [health, refused] = await Promise.all([fetch(`${stack.api}/health`), stack.post("small")]);
    const { detail } = (await health.json()) as { detail: string };
    assert.deepEqual([health.status, refused.status], [503, 503]);
    const reason = new RegExp(`^Cannot reach the queue store \\(${store}\\): .* no answer within \\d+ ms$`);
    for (const text of [detail, refused.detail!]) assert.match(text, reason);
    await tenSeconds;
  } finally {
    signalAll("SIGCONT");
  }
  await waitFor(async () => (await fetch(`${stack.api}/health`)).ok || undefined, "a healthy API");
  assert.equal((await stack.post("small")).status, 202);
  await stack.allDone();
  assert.deepEqual(await stack.attempts(), [1]);
}

test("acknowledged jobs outlive a Redis that does not answer for 10 s", async (t) => {
  const redis = await startTestRedis();
  if (!redis) {
    t.skip("SKIPPED: there is no redis-server on this machine");
    return;
  }
  try {
    await withStack({ QUEUE_URL: redis.url }, (stack) => silenceStore(stack, "redis", [redis.child.pid!]));
  } finally {
    redis.child.kill();
  }
});

test("acknowledged jobs outlive a PostgreSQL that does not answer for 10 s, or is killed while jobs end", () =>
  withStack({}, async (stack) => {
    await silenceStore(stack, "postgres", await withChildren(stack.pid("postgres")));
    const before = stack.accepted.length;
    const refused = new Set<string>();
    const loop = async () => {
      while (stack.accepted.length < before + 36) {
        const { status, detail } = await stack.post("small");
        if (status !== 202) refused.add(status === 503 ? "503" : `${status} ${detail}`);
      }
    };
    const load = Promise.all([loop(), loop()]);
    load.catch(() => {}); // it is looked at below
    for (const count of [8, 18, 28]) {
      await waitFor(() => stack.accepted.length > before + count || undefined, "accepted jobs");
      await stack.kill("postgres", "SIGKILL");
      const health = await fetch(`${stack.api}/health`);
      assert.equal(health.status, 503);
      assert.match(await health.text(), /Cannot reach the queue store \(postgres\): /);
      await stack.run("otel_up");
    }
    await load;
    assert.deepEqual([...refused], ["503"]);
    await stack.allDone();
  }));

test("acknowledged jobs outlive a worker that is ended or killed in the middle of them, and an API that is killed", (t) =>
  withStack({ WORKER_CONCURRENCY: "1" }, async (stack) => {
    // SIGTERM: what runs is finished and recorded, what waits goes on waiting.
    const { id: ended } = await stack.post("large");
    for (let i = 0; i < 5; i++) await stack.post("small");
    await stack.untilRunning(ended);
    const { code, signal } = (await stack.kill("worker", "SIGTERM"))!;
    assert.deepEqual([code, signal], [0, null]);
    const states = await stack.states();
    assert.deepEqual(new Set(states), new Set(["completed", "waiting"]));
    const completed = stack.accepted.filter((_, index) => states[index] === "completed");
    assert.ok(completed.includes(ended), String(states));
    assert.deepEqual((await stack.jobSpans()).map(jobOf).sort(), completed.sort());
    assert.doesNotMatch((await stack.run("otel_up")).stderr, /retried/);
    await stack.allDone();
    assert.deepEqual(await stack.attempts(), [1]);

    // SIGKILL: what ran is run once more, and that is said.
    const { id: killed } = await stack.post("large");
    await stack.untilRunning(killed);
    await stack.kill("worker", "SIGKILL");
    const began = performance.now();
    const { stderr } = await stack.run("otel_up");
    assert.match(
      stderr,
      /worker had ended with SIGKILL[\s\S]*\n +the jobs that it left are retried, once, when their locks have run out/,
    );
    const isSaid = () => stack.log("worker").includes(`"review":"${killed}","msg":"review is retried`);

    // Meanwhile: the API is killed right after its answer.
    const { id } = await stack.post("small");
    await stack.kill("api", "SIGKILL");
    await stack.run("otel_up");

    await waitFor(() => isSaid() || undefined, "the retry in the worker's log", { timeoutMs: 40_000 });
    t.diagnostic(`retried ${((performance.now() - began) / 1_000).toFixed(1)} s after the call of otel-up`);
    await stack.allDone();
    assert.deepEqual([await stack.attempts([killed]), await stack.attempts([id])], [[2], [1]]);
  }));

/** Of a server and the processes that it has started. */
async function withChildren(pid: number): Promise<number[]> {
  const { stdout } = await execa("ps", ["-eo", "pid=,ppid="]);
  const pairs = stdout.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return [pid, ...pairs.filter(([, parent]) => parent === pid).map(([child]) => child!)];
}
