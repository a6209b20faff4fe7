import { readChanges } from "../otlp/read_changes.ts";
import type { FileRange } from "../otlp/read_lines.ts";
import { readPoints } from "../otlp/read_points.ts";
import { CGROUP_CPU_PERIODS, CGROUP_CPU_THROTTLED_PERIODS, CGROUP_CPU_THROTTLED_TIME } from "../telemetry/names.ts";

/** How often the kernel took the CPU away from the worker, because its quota was used up. */
export interface Throttling {
  /** Periods of the quota in which it ran. */
  periods: number;
  throttledPeriods: number;
  /** For how long, summed over its threads. */
  throttledSeconds: number;
}

export interface ThrottlingOptions {
  service: string;
  /** When the window began, Unix time. */
  sinceMs: number;
}

/** The throttling of a service in a window, as far as its metrics have arrived and are in `files`. */
export async function readThrottling(
  files: FileRange[],
  { service, sinceMs }: ThrottlingOptions,
): Promise<Throttling | { notMeasured: string }> {
  const metrics = [CGROUP_CPU_PERIODS, CGROUP_CPU_THROTTLED_PERIODS, CGROUP_CPU_THROTTLED_TIME];
  const changes = await readChanges(readPoints(files), { service, metrics, sinceMs });
  const sum = (metric: string) =>
    changes.reduce((total, change) => total + (change.metric === metric ? change.by : 0), 0);
  if (changes.length === 0) return { notMeasured: "no figures of its cgroup have arrived" };
  const periods = sum(CGROUP_CPU_PERIODS);
  if (periods === 0) return { notMeasured: "it has no CPU quota, or did not run" };
  return {
    periods,
    throttledPeriods: sum(CGROUP_CPU_THROTTLED_PERIODS),
    throttledSeconds: sum(CGROUP_CPU_THROTTLED_TIME),
  };
}
