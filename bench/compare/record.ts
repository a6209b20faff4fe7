// Runs for the benchmark of comparisons: real workers with the project's telemetry, on a Redis, each with its own collector.
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { analyzeJobs } from "../../src/analysis/analyze.ts";
import type { AnalyzedRun } from "../../src/analysis/compare_runs.ts";
import { readDescription } from "../../src/analysis/run_description.ts";
import { readPoints } from "../../src/otlp/read_points.ts";
import { readSpans } from "../../src/otlp/read_spans.ts";
import { ROOT } from "../../src/settings/environment.ts";
import { RUN_TYPESCRIPT } from "../../src/settings/runtime.ts";
import { UserError } from "../../src/terminal/user_error.ts";
import { startTestRedis } from "../../test/store.ts";
import { nextMessage } from "../harness/message.ts";
import type { ReceiverUrls } from "../harness/receiver.ts";
import { own } from "../tax/plan.ts";
import { buildWorker } from "../tax/setting.ts";
import { TaxWorker, workerEnvironment } from "../tax/worker.ts";
import { turnsOf } from "../tax/workloads.ts";

/** A run to record, whose jobs take so many times 5 ms of CPU. */
export interface PlannedRun {
  name: string;
  times: number;
}

/** Jobs of a turn, all waiting before it begins. */
const TURN = 25;
const WARM_UP = 200;
const KEEP_NONE = { removeOnComplete: true };
const TELEMETRY = { TELEMETRY: "prodlike", OTEL_ENABLED: "true" };

/**
 * Records a run of `jobs` jobs for each plan, the workers in turns of an eighth of a second: a machine that changes its speed
 * changes it for all of them.
 *
 * @throws {UserError} when there is no Redis
 */
export async function recordRuns(plans: PlannedRun[], jobs: number): Promise<AnalyzedRun[]> {
  const redis = await startTestRedis();
  if (!redis) throw new UserError("Cannot measure: no redis-server is on the PATH", { next: "install Redis" });
  const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
  const names = plans.map(({ name }) => name);
  const receiver = fork(join(ROOT, "bench", "harness", "receiver.ts"), [folder, ...names], {
    execArgv: ["--import", RUN_TYPESCRIPT],
  });
  const workers: TaxWorker[] = [];
  try {
    const urls = await nextMessage<Record<string, ReceiverUrls>>(receiver, "receiver");
    const entry = await buildWorker(join(ROOT, "dist"));
    const turns = turnsOf(5);
    for (const { name, times } of plans) {
      workers.push(
        new TaxWorker({
          ...{ variant: own(name, TELEMETRY), entry, node: process.execPath, url: redis.url },
          environment: { ...workerEnvironment(name, urls[name]!), TURNS: String(Math.round(times * turns)) },
        }),
      );
    }
    await Promise.all(workers.map((worker) => worker.ready()));
    for (const worker of workers) await worker.runSaturated(WARM_UP, { name: "cpu-5ms", data: {}, opts: KEEP_NONE });
    for (let done = 0; done < jobs; done += TURN) {
      // Each is first as often as the others: what one leaves behind is the next one's cost.
      const first = (done / TURN) % workers.length;
      for (const worker of [...workers.slice(first), ...workers.slice(0, first)])
        await worker.runSaturated(TURN, { name: "scattered", data: {}, opts: KEEP_NONE });
    }
    await Promise.all(workers.splice(0).map((worker) => worker.close()));
    return await Promise.all(names.map((name) => readRun(join(folder, name), name)));
  } finally {
    await Promise.all(workers.map((worker) => worker.close()));
    if (receiver.connected) receiver.disconnect();
    redis.child.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

function readRun(folder: string, id: string): Promise<AnalyzedRun> {
  return analyzeJobs({
    spans: readSpans([join(folder, "traces.jsonl")]),
    points: readPoints([join(folder, "metrics.jsonl")]),
    description: readDescription({ id, services: { worker: id } }),
  });
}
