import { readChanges } from "../runs/changes.ts";
import type { TelemetryFiles } from "../runs/run_folder.ts";
import { newestMetrics } from "../runs/slice.ts";
import {
  CGROUP_CPU_PERIODS,
  CGROUP_CPU_THROTTLED_PERIODS,
  CGROUP_CPU_THROTTLED_TIME,
} from "../telemetry/attributes.ts";
import type { Warning } from "./accounting.ts";

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

/** A quota that is used up more rarely than this hardly delays a job. */
const NOTABLE_SHARE = 0.1;

/** The throttling of a service in a window, as far as its metrics have arrived. */
export async function readThrottling(
  { metrics: file }: TelemetryFiles,
  { service, sinceMs }: ThrottlingOptions,
): Promise<Throttling | { notMeasured: string }> {
  const metrics = [CGROUP_CPU_PERIODS, CGROUP_CPU_THROTTLED_PERIODS, CGROUP_CPU_THROTTLED_TIME];
  const changes = await readChanges(newestMetrics(file), { service, metrics, sinceMs });
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

/** A line when the quota was what a job waited for. */
export function throttlingWarnings(
  throttling: Throttling | { notMeasured: string },
  { service, job }: { service: string; job: string | undefined },
): Warning[] {
  if ("notMeasured" in throttling) return [];
  const { periods, throttledPeriods, throttledSeconds } = throttling;
  const share = throttledPeriods / periods;
  if (share < NOTABLE_SHARE) return [];
  const figures = `${throttledPeriods} of ${periods} periods (${Math.round(100 * share)} %), ${throttledSeconds.toFixed(2)} s lost`;
  const during = job ? ` while job ${job} ran` : "";
  return [
    {
      name: "CPU throttling",
      detail: `${service}: ${figures}${during}`,
      next: "raise PRODLIKE_CPUS, or take it as what production will be like",
    },
  ];
}
