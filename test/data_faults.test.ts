import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { createTestRoot } from "../src/app/review/test_repository.ts";
import { driveJob } from "../src/load/drive_job.ts";
import { readSpans } from "../src/otlp/read_spans.ts";
import { type Span, SpanKind } from "../src/otlp/types.ts";
import type { PartName } from "../src/stack/state.ts";
import { waitFor } from "../src/stack/wait_for.ts";
import { makeCheckout, nothingIsLeft, type Ran } from "./checkout.ts";
import { startTestRedis } from "./store.ts";

/** What was acknowledged survives, as long as its store does: each test breaks a part of a stack while jobs run. */

interface Review {
  id: string;
  state: string;
  attempts: number;
}

const jobOf = ({ attributes }: Span) => String(attributes["messaging.message.id"]);

/** A stack whose API reviews two repositories: "small" in some ms, "large" in seconds of CPU. */
async function startStack(settings: Record<string, string> = {}) {
  const root = await createTestRoot();
  await (await root.repository("small")).commit({ "a.ts": "debugger;\n" });
  const source = Array.from(
    { length: 100 },
    (_, i) => `export const f${i} = (a: any) => { if (a == ${i}) debugger; };\n`,
  );
  const files = Array.from({ length: 30 }, (_, i) => [`${i}.ts`, source.join("")]);
  await (await root.repository("large")).commit(Object.fromEntries(files));
  const checkout = await makeCheckout();
  const environment = { ...settings, REVIEW_ROOT: root.path };
  const api = `http://127.0.0.1:${checkout.environment.API_PORT}`;
  const folder = join(checkout.folder, ".prodlike/stack");
  const accepted: string[] = [];

  const stack = {
    api,
    collector: `http://127.0.0.1:${checkout.environment.OTLP_PORT}`,
    traces: join(folder, "traces.jsonl"),
    accepted,
    log: (part: string) => readFileSync(join(folder, `${part}.log`), "utf8"),
    pid: (part: PartName) => checkout.state()!.parts[part]!.pid,
    async run(command: "otel_up" | "otel_restart" | "otel_down"): Promise<Ran> {
      const ran = await checkout.run(command, environment);
      assert.equal(ran.code, 0, ran.stderr);
      return ran;
    },
    /** Asks for a review; one that is answered with 202 is acknowledged. */
    async post(repository: "small" | "large"): Promise<Response & { id: string }> {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${api}/reviews`, { method: "POST", headers, body: JSON.stringify({ repository }) });
      const { id } = (await response.clone().json()) as Review;
      if (response.status === 202) accepted.push(id);
      return Object.assign(response, { id });
    },
    review: async (id: string) => (await (await fetch(`${api}/reviews/${id}`)).json()) as Review,
    reviews: (ids = accepted) => Promise.all(ids.map(stack.review)),
    /** How often jobs were started, without duplicates. */
    attempts: async (ids = accepted) => [...new Set((await stack.reviews(ids)).map(({ attempts }) => attempts))],
    async untilRunning(ids: string[]): Promise<void> {
      const check = async () =>
        (await stack.reviews(ids)).every(({ state }) => state === "active") ? true : undefined;
      await waitFor(check, "running jobs", { everyMs: 10 });
    },
    /** Sends a signal to a part and waits until the supervisor has seen its end. */
    async kill(part: PartName, signal: NodeJS.Signals) {
      process.kill(stack.pid(part), signal);
      const check = () => checkout.state()?.parts[part]?.exit ?? undefined;
      return waitFor(check, `the end of the ${part}`, { timeoutMs: 30_000 });
    },
    async spans(): Promise<Span[]> {
      const found = new Map<string, Span>(); // an export whose answer was lost is sent again
      for await (const span of readSpans([`${stack.traces}.1`, stack.traces])) found.set(span.spanId, span);
      return [...found.values()];
    },
    async messageSpans(kind: SpanKind, ids: string[]): Promise<Span[]> {
      return (await stack.spans()).filter((span) => span.kind === kind && ids.includes(jobOf(span)));
    },
    jobSpans: (ids = accepted) => stack.messageSpans(SpanKind.CONSUMER, ids),
    /** Waits until every acknowledged job is completed, then asserts that none has been run to its end twice. */
    async allDone(timeoutMs = 40_000): Promise<void> {
      const check = async () => {
        const states = (await stack.reviews()).map(({ state }) => state).filter((state) => state !== "completed");
        if (states.length) throw new Error(states.join());
        return true;
      };
      await waitFor(check, `the end of ${accepted.length} jobs`, { timeoutMs });
      const seen = async () => ((await stack.jobSpans()).length >= accepted.length ? true : undefined);
      await waitFor(seen, "the job spans");
      assert.deepEqual((await stack.jobSpans()).map(jobOf).sort(), [...accepted].sort());
    },
    async end(): Promise<void> {
      await stack.run("otel_down");
      await nothingIsLeft(checkout);
    },
    async close(): Promise<void> {
      await checkout.close();
      await root.remove();
    },
  };
  await stack.run("otel_up");
  return stack;
}

type Stack = Awaited<ReturnType<typeof startStack>>;

/** Runs `work` again and again, `times` at once, until it is stopped. */
function repeat(times: number, work: () => Promise<void>): () => Promise<void> {
  let stopped = false;
  const loop = async () => {
    while (!stopped) await work();
  };
  const loops = Array.from({ length: times }, loop);
  return async () => {
    stopped = true;
    await Promise.all(loops);
  };
}

/** Sends spans to the collector until it is stopped; `acknowledged` has the names of those in requests answered with 200. */
function sendSpans({ collector }: Stack) {
  const acknowledged: string[] = [];
  let sent = 0;
  const attributes = [{ key: "filling", value: { stringValue: "x".repeat(2_000) } }];
  const stop = repeat(4, async () => {
    const names = Array.from({ length: 5 }, () => `sent-${sent++}`);
    const id = (name: string, digits: number) => name.slice(5).padStart(digits, "f");
    const spans = names.map((name) => ({ traceId: id(name, 32), spanId: id(name, 16), name, attributes }));
    const body = JSON.stringify({ resourceSpans: [{ resource: {}, scopeSpans: [{ spans }] }] });
    const headers = { "content-type": "application/json" };
    try {
      const response = await fetch(`${collector}/v1/traces`, { method: "POST", headers, body });
      if (response.status === 200) acknowledged.push(...names);
    } catch {
      // It is away: on with the next.
    }
    await sleep(10);
  });
  return { acknowledged, stop };
}

/** Milliseconds that one job after the other takes, the median. */
async function medianMs({ api, accepted }: Stack, jobs: number): Promise<number> {
  const times: number[] = [];
  const request = { method: "POST", url: `${api}/reviews`, body: '{"repository":"small"}' };
  for (let i = 0; i < jobs; i++) {
    const { id, totalMs } = await driveJob(request, { signal: AbortSignal.timeout(30_000) });
    accepted.push(id);
    times.push(totalMs);
  }
  return times.sort((a, b) => a - b)[jobs >> 1]!;
}

test("acknowledged spans outlive a killed collector; the worker neither waits for it nor keeps what it cannot send", async (t) => {
  // The defaults, 2,048 and 512, made small enough to be exceeded by the spans of 12 jobs.
  const stack = await startStack({ WORKER_ENV: "OTEL_BSP_MAX_QUEUE_SIZE=16 OTEL_BSP_MAX_EXPORT_BATCH_SIZE=8" });
  let stop = async () => {};
  try {
    const usualMs = await medianMs(stack, 8);
    await stack.allDone();
    const load = sendSpans(stack);
    const { acknowledged } = load;
    stop = load.stop;
    await waitFor(() => (acknowledged.length > 500 ? true : undefined), "500 acknowledged spans");
    await stack.kill("collector", "SIGKILL");
    appendFileSync(stack.traces, '{"resourceSpans":[{"half of a li'); // what a write leaves that the kill cut off
    const before = acknowledged.length;
    const [usual, away] = [stack.accepted.splice(0), stack.accepted];
    const awayMs = await medianMs(stack, 12);
    t.diagnostic(`median of a job: ${usualMs.toFixed()} ms, without the collector ${awayMs.toFixed()} ms`);
    assert.ok(awayMs < 3 * usualMs + 500);
    const lost = away.splice(0);

    await stack.run("otel_up");
    await waitFor(() => (acknowledged.length > before + 100 ? true : undefined), "spans taken again");
    // The exporter tries again after up to 5 s; until then the queue is full.
    const arrives = async () => {
      await medianMs(stack, 1);
      return (await stack.jobSpans()).length ? true : undefined;
    };
    await waitFor(arrives, "a new job span", { timeoutMs: 30_000, everyMs: 300 });
    await stop();
    stack.accepted.splice(0);
    await medianMs(stack, 1);
    await stack.allDone();

    const names = new Set((await stack.spans()).map(({ name }) => name));
    assert.deepEqual(
      acknowledged.filter((name) => !names.has(name)),
      [],
    );
    assert.equal(readFileSync(stack.traces).at(-1), "\n".charCodeAt(0));
    assert.equal((await stack.jobSpans(usual)).length, usual.length);
    // The API's queue is large enough: its spans tell the traces of the jobs that ran without a collector.
    const ofLost = await stack.messageSpans(SpanKind.PRODUCER, lost);
    assert.equal(ofLost.length, lost.length);
    const traces = new Set(ofLost.map(({ traceId }) => traceId));
    const kept = (await stack.spans()).filter((span) => span.service === "prodlike-worker" && traces.has(span.traceId));
    t.diagnostic(`${kept.length} worker spans of ${lost.length} jobs were kept`);
    assert.ok(kept.length <= 16 + 8, "more than the queue and one batch hold");
    assert.match(stack.log("worker"), /Dropped \d+ spans because maxQueueSize reached/);

    const worker = stack.pid("worker");
    await stack.run("otel_restart");
    stack.accepted.splice(0);
    await medianMs(stack, 1);
    await stack.allDone();
    assert.equal(stack.pid("worker"), worker);
    await stack.end();
  } finally {
    await stop();
    await stack.close();
  }
});

/** Stops the processes of the queue store for 10 s while jobs run; they go on as if they had only been slow. */
async function silenceStore(stack: Stack, store: string, pids: number[]): Promise<void> {
  const signalAll = (signal: NodeJS.Signals) => {
    for (const pid of pids) process.kill(pid, signal);
  };
  await stack.post("small");
  await stack.allDone();
  for (const repository of ["large", "small", "small", "small"] as const) await stack.post(repository);
  await stack.untilRunning(stack.accepted.slice(1, 2));
  signalAll("SIGSTOP");
  try {
    const tenSeconds = sleep(10_000);
    for (const response of await Promise.all([fetch(`${stack.api}/health`), stack.post("small")])) {
      assert.equal(response.status, 503);
      const { detail } = (await response.json()) as { detail: string };
      assert.match(detail, new RegExp(`^Cannot reach the queue store \\(${store}\\): .* no answer within \\d+ ms$`));
    }
    await tenSeconds;
  } finally {
    signalAll("SIGCONT");
  }
  await waitFor(async () => ((await fetch(`${stack.api}/health`)).ok ? true : undefined), "a healthy API");
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
  const stack = await startStack({ QUEUE_URL: redis.url });
  try {
    await silenceStore(stack, "redis", [redis.child.pid!]);
    await stack.end();
  } finally {
    await stack.close();
    redis.child.kill();
  }
});

test("acknowledged jobs outlive a PostgreSQL that does not answer for 10 s, or is killed while jobs begin and end", async () => {
  const stack = await startStack();
  const refused = new Set<number>();
  let stop = async () => {};
  try {
    await silenceStore(stack, "postgres", await withChildren(stack.pid("postgres")));
    stop = repeat(2, async () => {
      const { status } = await stack.post("small");
      if (status === 202) return;
      refused.add(status);
      await sleep(50);
    });
    for (let kills = 0; kills < 3; kills++) {
      const more = stack.accepted.length + 12;
      await waitFor(() => (stack.accepted.length > more ? true : undefined), "accepted jobs");
      await stack.kill("postgres", "SIGKILL");
      const health = await fetch(`${stack.api}/health`);
      assert.equal(health.status, 503);
      assert.match(await health.text(), /Cannot reach the queue store \(postgres\): /);
      await stack.run("otel_up");
    }
    await stop();
    assert.deepEqual([...refused], [503]);
    await stack.allDone();
    await stack.end();
  } finally {
    await stop();
    await stack.close();
  }
});

test("acknowledged jobs outlive an API that is killed, and a worker that is ended or killed in the middle of them", async (t) => {
  const stack = await startStack({ WORKER_CONCURRENCY: "2" });
  const { accepted } = stack;
  try {
    await stack.post("small");
    await stack.kill("api", "SIGKILL");
    await stack.run("otel_up");
    await stack.allDone();

    // SIGTERM: what runs is finished and recorded, what waits goes on waiting.
    const ended = [await stack.post("large"), await stack.post("large")].map(({ id }) => id);
    const waiting = [await stack.post("small"), await stack.post("small")].map(({ id }) => id);
    await stack.untilRunning(ended);
    const { code, signal } = await stack.kill("worker", "SIGTERM");
    assert.deepEqual([code, signal], [0, null]);
    const states = (await stack.reviews([...ended, ...waiting])).map(({ state }) => state);
    assert.deepEqual(states, ["completed", "completed", "waiting", "waiting"]);
    assert.deepEqual((await stack.jobSpans()).map(jobOf).sort(), accepted.slice(0, 3).sort());
    assert.doesNotMatch((await stack.run("otel_up")).stderr, /retried/);
    await stack.allDone();
    assert.deepEqual(await stack.attempts(), [1]);

    // SIGKILL: what ran is run once more, and that is said.
    const killed = [await stack.post("large"), await stack.post("large")].map(({ id }) => id);
    await stack.untilRunning(killed);
    await stack.kill("worker", "SIGKILL");
    const began = performance.now();
    const { stderr } = await stack.run("otel_up");
    assert.match(
      stderr,
      /worker had ended with SIGKILL.*\n +the jobs that it left behind are retried, once, within \d+ s/,
    );
    const retried = () =>
      killed.every((id) => stack.log("worker").includes(`"review":"${id}","msg":"review is retried`));
    await waitFor(() => retried() || undefined, "the retries in the worker's log", { timeoutMs: 40_000 });
    t.diagnostic(`retried ${((performance.now() - began) / 1_000).toFixed(1)} s after otel-up`);
    await stack.allDone();
    assert.deepEqual(await stack.attempts(killed), [2]);
    await stack.end();
  } finally {
    await stack.close();
  }
});

/** Of a server and the processes that it has started. */
async function withChildren(pid: number): Promise<number[]> {
  const { stdout } = await execa("ps", ["-eo", "pid=,ppid="]);
  const pairs = stdout.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  return [pid, ...pairs.filter(([, parent]) => parent === pid).map(([child]) => child!)];
}
