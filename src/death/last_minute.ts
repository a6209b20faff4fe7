import { newestMetrics } from "../otlp/live_file.ts";
import { readChanges } from "../otlp/read_changes.ts";
import { comesFrom, type Origin, readPoints } from "../otlp/read_points.ts";
import { CONTAINER_MEMORY_USAGE, GC_DURATION, GC_TYPE, PROCESS_MEMORY_USAGE } from "../telemetry/names.ts";
import type { DeathScene } from "./explain_death.ts";
import type { Sample } from "./watch_process.ts";

/** One process among those whose metrics have arrived. */
export interface Lifetime extends Origin {
  /** Unix time. */
  endedMs: number;
}

const MINUTE_MS = 60_000;

/** The garbage collections of a process in its last minute, as far as they have arrived in the collector's `metrics.jsonl`. */
export async function readCollections(
  file: string,
  { endedMs, ...origin }: Lifetime,
): Promise<DeathScene["collections"]> {
  const options = { ...origin, metrics: [GC_DURATION], sinceMs: endedMs - MINUTE_MS };
  const changes = await readChanges(newestMetrics(file), options);
  if (changes.length === 0) return { notMeasured: "none have arrived" };
  return changes.map(({ attributes, by, count = 0 }) => ({ kind: String(attributes[GC_TYPE]), count, seconds: by }));
}

/** The memory of a process in its last minute as it has said itself: of its cgroup, else its resident set. */
export async function readMemory(file: string, { endedMs, ...origin }: Lifetime): Promise<DeathScene["samples"]> {
  const ofCgroup: Sample[] = [];
  const resident: Sample[] = [];
  for await (const point of readPoints(newestMetrics(file))) {
    const samples =
      point.metric === CONTAINER_MEMORY_USAGE ? ofCgroup : point.metric === PROCESS_MEMORY_USAGE && resident;
    if (!samples || !comesFrom(point, origin)) continue;
    const atMs = Number(point.timeNs / 1_000_000n);
    if (atMs >= endedMs - MINUTE_MS) samples.push({ atMs, bytes: point.value });
  }
  const samples = ofCgroup.length ? ofCgroup : resident;
  return samples.length ? samples : { notMeasured: "no figures of its own have arrived" };
}
