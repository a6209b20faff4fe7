import { existsSync } from "node:fs";
import { join } from "node:path";
import { comesFrom, type Origin, processOf, readPoints } from "../otlp/read_points.ts";
import { ACTIVE_JOBS, PROCESS_MEMORY_USAGE } from "../telemetry/names.ts";
import { runIds } from "./runs.ts";

/** Memory that one job took, in bytes, and the run that shows it. */
export interface MemoryPerJob {
  bytes: number;
  run: string;
}

/** The memory that one job of the worker took in the newest run that shows it; `undefined` when none does. */
export async function readMemoryPerJob(home: string, workerService: string): Promise<MemoryPerJob | undefined> {
  const runs = join(home, "runs");
  for (const run of runIds(runs).reverse()) {
    const file = join(runs, run, "metrics.jsonl");
    const bytes = existsSync(file) ? await memoryPerJob(file, { service: workerService }) : undefined;
    if (bytes !== undefined) return { bytes, run };
  }
  return undefined;
}

/**
 * The most by which the resident set of a process stood above its least without a job, divided by the jobs that ran at
 * that moment. Garbage that was not collected yet is in it.
 */
async function memoryPerJob(file: string, origin: Origin): Promise<number | undefined> {
  /** By process and moment: one collection has one time. */
  const moments = new Map<string, { instance: string; bytes?: number; jobs?: number }>();
  for await (const point of readPoints([file])) {
    const figure = { [ACTIVE_JOBS]: "jobs", [PROCESS_MEMORY_USAGE]: "bytes" }[point.metric];
    if (!figure || !comesFrom(point, origin)) continue;
    const instance = processOf(point);
    const key = `${instance} ${point.timeNs}`;
    moments.set(key, { instance, ...moments.get(key), [figure]: point.value });
  }
  const idle = new Map<string, number>();
  for (const { instance, bytes, jobs = 0 } of moments.values()) {
    if (bytes !== undefined && jobs === 0) idle.set(instance, Math.min(bytes, idle.get(instance) ?? Infinity));
  }
  const shares = [...moments.values()].flatMap(({ instance, bytes, jobs }) => {
    const base = idle.get(instance);
    return bytes !== undefined && base !== undefined && jobs ? (bytes - base) / jobs : [];
  });
  const most = Math.max(0, ...shares);
  return most || undefined;
}
