import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { finish } from "../../../test/checkout.ts";
import { startProgram } from "../../../test/program.ts";
import { startTestRedis } from "../../../test/store.ts";
import { startCollector } from "../../collector/collector.ts";
import type { Metric, MetricsRequest } from "../../otlp/otlp_json.ts";
import { readRequests } from "../../otlp/read_lines.ts";
import { type Point, readPoints } from "../../otlp/read_points.ts";
import { ROOT } from "../../settings/environment.ts";
import { currentRuntime } from "../../settings/runtime.ts";
import { waitFor } from "../../wait_for.ts";
import * as names from "../names.ts";

const prelude = `
  const { getHeapStatistics, setFlagsFromString } = await import("node:v8");
  const { setTimeout: sleep } = await import("node:timers/promises");
  const { Worker } = await import("node:worker_threads");
  const { runInNewContext } = await import("node:vm");
  const runWorker = async (url, process, jobs, concurrency) => {
    const { Queue, Worker } = await import("bullmq");
    const connection = { url };
    const queue = new Queue("work", { connection });
    const worker = new Worker("work", process, { connection, concurrency, lockDuration: 20_000, lockRenewTime: 3_000 });
    let ended = 0;
    const done = new Promise((resolve) => {
      for (const end of ["completed", "failed"]) worker.on(end, () => ++ended === jobs && resolve());
    });
    for (let i = 0; i < jobs; i++) await queue.add("job", {});
    return { worker, close: async () => { await done; await worker.close(); await queue.close(); } };
  };`;

/** Metrics of a program that has ended by itself, with environment; `during` runs while it does. */
async function metricsOf(
  program: string,
  environment: Record<string, string> = {},
  during: (points: () => Promise<Point[]>, kill: (signal: NodeJS.Signals) => void) => Promise<void> = async () => {},
) {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const file = join(folder, "metrics.jsonl");
  const collector = await startCollector({ folder, port: 0 });
  // What runs too slowly or is kept alive fails, and does not hang.
  const own = {
    OTEL_ENABLED: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_METRIC_EXPORT_INTERVAL: "600000",
  };
  const child = startProgram(prelude + program, { ...own, ...environment }, currentRuntime);
  const late = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const ran = finish(child);
  const points = async () => {
    const all: Point[] = [];
    for await (const point of readPoints([file])) all.push(point);
    return all;
  };
  try {
    await during(points, (signal) => process.kill(child.pid!, signal)); // Deno would take that of `child.kill` for its end
    const { code, signal, stdout, stderr } = await ran;
    assert.equal(code, 0, `it did not end by itself: ${code} ${signal} ${stderr}`);
    const metrics: Metric[] = [];
    for await (const { resourceMetrics = [] } of readRequests<MetricsRequest>([file])) {
      metrics.push(
        ...resourceMetrics.flatMap(({ scopeMetrics = [] }) => scopeMetrics.flatMap((each) => each.metrics ?? [])),
      );
    }
    return { points: await points(), metrics, stdout };
  } finally {
    clearTimeout(late);
    child.kill("SIGKILL");
    await ran;
    await collector.close();
    rmSync(folder, { recursive: true });
  }
}

/** The last value of a metric, of all of its points or of those with this attribute. */
function last(points: Point[], metric: string, attribute?: string): number | undefined {
  const of = (point: Point) => attribute === undefined || Object.values(point.attributes).includes(attribute);
  return points.findLast((point) => point.metric === metric && of(point))?.value;
}

/** Uses a CPU for that many us, in a process that is otherwise idle. */
const burn = `(us) => {
  for (const began = process.cpuUsage(); ; ) {
    const { user, system } = process.cpuUsage(began);
    if (user + system > us) return;
  }
}`;

/** A worker that does nothing much, where there is a queue store for it. */
const noWork = (url: string | undefined) =>
  url ? `const { close } = await runWorker(${JSON.stringify(url)}, async () => {}, 1, 2); await close();` : "";

// CPU for 0.3 s on the main thread, 0.3 s on another, 50 MB outside of the heap, and a collection of garbage.
const work = `
  setFlagsFromString("--expose-gc");
  globalThis.held = new Uint8Array(50e6).fill(1);
  runInNewContext("gc")();
  const burn = ${burn};
  await sleep(50); // the loop turns, and its timers look
  burn(300_000);
  await sleep(50);
  const other = new Worker(${JSON.stringify(`(${burn})(300_000)`)}, { eval: true });
  await new Promise((resolve) => other.on("exit", resolve));
  console.log(getHeapStatistics().heap_size_limit);`;

const documented = readFileSync(join(ROOT, "docs", "metrics.md"), "utf8")
  .split("\n")
  // | `name` | `unit` | source | Node | Deno |
  .map((line) => /^\| `([^`]+)` \| `([^`]+)` \|.*\| ([^|]+) \| ([^|]+) \|$/.exec(line))
  .filter((row) => row !== null)
  .map(([, name, unit, node, deno]) => ({ name, unit, where: currentRuntime === "deno" ? deno! : node! }));

test("observeRuntime() reports what the process did, and the process ends by itself", async () => {
  const redis = await startTestRedis();
  const { points, metrics, stdout } = await metricsOf(noWork(redis?.url) + work).finally(() => redis?.child.kill());
  const value = (metric: string, attribute?: string) => {
    const found = last(points, metric, attribute);
    assert.ok(found !== undefined, `${metric} has not arrived`);
    return found;
  };
  const cpu = value(names.PROCESS_CPU_TIME, "user") + value(names.PROCESS_CPU_TIME, "system");
  const mainThread = value(names.MAIN_THREAD_CPU_TIME);
  assert.ok(mainThread > 0.2 && mainThread < cpu - 0.2, `main thread ${mainThread} s of ${cpu} s`);
  assert.ok(value(names.PROCESS_UPTIME) > 0.7 && value(names.PROCESS_UPTIME) < 30);
  assert.ok(value(names.MEMORY_EXTERNAL) > 50e6 && value(names.MEMORY_EXTERNAL) < 200e6);
  assert.ok(value(names.PROCESS_MEMORY_USAGE) > 80e6);
  assert.equal(value(names.HEAP_LIMIT), Number(stdout));
  const oldSpace = [names.HEAP_SPACE_USED, names.HEAP_SPACE_SIZE].map((metric) => value(metric, "old_space"));
  assert.ok(oldSpace[0]! > 1e6 && oldSpace[0]! <= oldSpace[1]!, oldSpace.join());
  // The GC runs whenever it likes, so only what was forced is sure.
  const isSure = ({ where, name }: { where: string; name?: string | undefined }) =>
    where.startsWith("yes") && (redis !== undefined || !name?.startsWith("prodlike.worker."));
  const arrived = new Set(metrics.map(({ name }) => name));
  assert.deepEqual(
    documented.filter((row) => isSure(row) && !arrived.has(row.name!)),
    [],
  );
  assert.deepEqual(
    documented.filter((row) => row.where === "not measured" && arrived.has(row.name!)),
    [],
  );
  for (const { name, unit } of metrics.filter((each) => !each.name?.startsWith("otel."))) {
    assert.deepEqual(unit, documented.find((row) => row.name === name)?.unit, name);
  }
  if (currentRuntime === "deno") return;

  assert.ok(value(names.MEMORY_ARRAY_BUFFERS) > 50e6);
  const busy = value(names.EVENT_LOOP_TIME, "active");
  const idle = value(names.EVENT_LOOP_TIME, "idle");
  assert.ok(busy > 0.2 && idle > 0.05 && busy + idle <= value(names.PROCESS_UPTIME), `${busy} ${idle}`);
  assert.ok(value(names.EVENT_LOOP_UTILIZATION) > 0.1 && value(names.EVENT_LOOP_UTILIZATION) < 1);
  const delays = [names.EVENT_LOOP_DELAY_MIN, names.EVENT_LOOP_DELAY_P50, names.EVENT_LOOP_DELAY_P99].map((each) =>
    value(each),
  );
  assert.deepEqual(
    delays,
    delays.toSorted((a, b) => a - b),
  );
  assert.ok(delays[0]! > 0.001 && delays[1]! < 0.1, delays.join());
  const longest = value(names.EVENT_LOOP_DELAY_MAX);
  assert.ok(longest > 0.15 && longest < 10, String(longest));
  const collections = metrics.find(({ name }) => name === names.GC_DURATION)?.histogram?.dataPoints ?? [];
  const major = collections.find(({ attributes = [] }) => attributes[0]?.value?.stringValue === "major");
  assert.ok(Number(major?.count) >= 1 && Number(major?.sum) > 0.0001 && Number(major?.sum) < 5, JSON.stringify(major));
  assert.deepEqual(major?.explicitBounds, [0.01, 0.1, 1, 10]);
});

test("a worker reports what it is set to, that it is ready, and the jobs that run", async (t) => {
  const redis = await startTestRedis();
  if (!redis) return t.skip("no redis-server is installed");
  const program = `
    const running = [];
    const { worker, close } = await runWorker(${JSON.stringify(redis.url)}, ({ id }) => {
      if (id === "1") throw new Error("job");
      return new Promise((resolve) => running.push(resolve));
    }, 3, 2);
    process.on("SIGTERM", () => {}); // at that signal all metrics are exported
    process.once("SIGUSR2", () => { worker.concurrency = 7; });
    process.once("SIGHUP", () => { for (const end of running) end(); });
    await close();`;
  try {
    const { points } = await metricsOf(program, {}, async (read, kill) => {
      const exported = async (metric: string, value: number) => {
        kill("SIGTERM");
        return last(await read(), metric) === value || undefined;
      };
      // The interval is too long for an export that does not come at once.
      await waitFor(async () => last(await read(), names.WORKER_READY) || undefined, "a worker that is ready");
      assert.equal(last(await read(), names.WORKER_CONCURRENCY, "work"), 2);
      assert.equal(last(await read(), names.WORKER_LOCK_DURATION, "work"), 20);
      assert.equal(last(await read(), names.WORKER_LOCK_RENEW_TIME, "work"), 3);
      assert.equal(last(await read(), names.WORKER_LOCKS_LOST, "work"), 0);
      await waitFor(() => exported(names.ACTIVE_JOBS, 2), "two jobs");
      kill("SIGUSR2");
      await waitFor(() => exported(names.WORKER_CONCURRENCY, 7), "another concurrency");
      kill("SIGHUP");
    });
    assert.equal(last(points, names.ACTIVE_JOBS), 0);
  } finally {
    redis.child.kill();
  }
});

test("a process without a worker reports nothing of one", async () => {
  const { points } = await metricsOf(`await import("bullmq");`);
  assert.deepEqual(
    [...new Set(points.map(({ metric }) => metric))].filter((name) => name.startsWith("prodlike.worker.")),
    [],
  );
});
