import type { DeathScene, Sample } from "../death/explain_death.ts";
import { newestMetrics } from "../otlp/live_file.ts";
import { readChanges } from "../otlp/read_changes.ts";
import { comesFrom, type Origin, type Point, readPoints } from "../otlp/read_points.ts";
import { readWorkerFacts } from "../otlp/read_worker_facts.ts";
import { CONTAINER_MEMORY_USAGE, GC_DURATION, GC_TYPE, PROCESS_MEMORY_USAGE } from "../telemetry/names.ts";

/** What tells of a process's end in its telemetry, and in the store of the queues that it names there. */
export type LastMinute = Pick<DeathScene, "samples" | "collections" | "lostLocks" | "jobs" | "lockDurationMs">;

export interface LastMinuteOptions {
  /** The process. */
  origin: Origin;
  /** Unix time. */
  endedMs: number;
  /** Asks the queue store for the jobs of these queues that run. */
  askStore: (queues: string[]) => Promise<DeathScene["jobs"]>;
}

const MINUTE_MS = 60_000;

/** What one process sent before it ended, as far as it has arrived in the collector's `metrics.jsonl`. */
export async function readLastMinute(
  file: string,
  { origin, endedMs, askStore }: LastMinuteOptions,
): Promise<LastMinute> {
  const points: Point[] = [];
  for await (const point of readPoints(newestMetrics(file))) if (comesFrom(point, origin)) points.push(point);
  const sinceMs = endedMs - MINUTE_MS;
  const changes = await readChanges(points, { ...origin, metrics: [GC_DURATION], sinceMs });
  const { queues, lostLocks, lockDurationMs } = await readWorkerFacts(points, origin);
  const names = Object.keys(queues);
  const samples = memoryOf(points, sinceMs);
  const none = { notMeasured: points.length ? "it has sent none" : "none of its metrics have arrived" };
  return {
    samples: samples.length ? samples : none,
    collections: changes.length
      ? changes.map(({ attributes, by, count = 0 }) => ({ kind: String(attributes[GC_TYPE]), count, seconds: by }))
      : none,
    lostLocks: lostLocks ?? none,
    jobs: names.length ? await askStore(names) : { notMeasured: "its telemetry names no queue" },
    lockDurationMs,
  };
}

/** Of its cgroup, else its resident set. */
function memoryOf(points: Point[], sinceMs: number): Sample[] {
  const of = (metric: string) =>
    points
      .filter((point) => point.metric === metric)
      .map(({ timeNs, value }) => ({ atMs: Number(timeNs / 1_000_000n), bytes: value }))
      .filter(({ atMs }) => atMs >= sinceMs);
  const ofCgroup = of(CONTAINER_MEMORY_USAGE);
  return ofCgroup.length ? ofCgroup : of(PROCESS_MEMORY_USAGE);
}
