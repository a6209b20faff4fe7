import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { readPoints } from "../otlp/read_points.ts";
import { ACTIVE_JOBS, PROCESS_MEMORY_USAGE } from "../telemetry/attributes.ts";
import { runIds } from "./run_folder.ts";

/** Memory that one job took, in bytes, and the run that shows it. */
export interface MemoryPerJob {
  bytes: number;
  run: string;
}

/** The memory that one job of the worker took in the newest run that shows it; `undefined` when none does. */
export async function readMemoryPerJob({ home, workerService }: Config): Promise<MemoryPerJob | undefined> {
  const runs = join(home, "runs");
  for (const run of runIds(runs).reverse()) {
    const files = readdirSync(join(runs, run)).filter((name) => name === "metrics.jsonl");
    const bytes = await memoryPerJob(
      files.map((name) => join(runs, run, name)),
      workerService,
    );
    if (bytes !== undefined) return { bytes, run };
  }
  return undefined;
}

/**
 * The most by which the resident set of a process stood above its least without a job, divided by the jobs that ran at
 * that moment. Garbage that was not collected yet is in it.
 */
async function memoryPerJob(files: string[], service: string): Promise<number | undefined> {
  /** By process and moment: one collection has one time. */
  const moments = new Map<string, { instance: string; bytes?: number; jobs?: number }>();
  for await (const { metric, value, timeNs, resource, ...from } of readPoints(files)) {
    if (from.service !== service || (metric !== ACTIVE_JOBS && metric !== PROCESS_MEMORY_USAGE)) continue;
    const instance = String(resource["service.instance.id"] ?? resource["process.pid"]);
    const moment = { instance, ...moments.get(`${instance} ${timeNs}`) };
    moments.set(`${instance} ${timeNs}`, { ...moment, [metric === ACTIVE_JOBS ? "jobs" : "bytes"]: value });
  }
  const idle = new Map<string, number>();
  for (const { instance, bytes, jobs = 0 } of moments.values()) {
    if (bytes !== undefined && jobs === 0) idle.set(instance, Math.min(bytes, idle.get(instance) ?? Infinity));
  }
  const shares = [...moments.values()].flatMap(({ instance, bytes, jobs }) => {
    const base = idle.get(instance);
    return bytes !== undefined && base !== undefined && jobs ? (bytes - base) / jobs : [];
  });
  const most = Math.max(...shares);
  return most > 0 && shares.length ? most : undefined;
}
