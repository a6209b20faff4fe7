import * as names from "../telemetry/names.ts";
import type { Facts } from "./facts.ts";
import type { Law } from "./report.ts";
import { limit } from "./thresholds.ts";

/** Fewer readings of a metric say little of its mean. */
const LEAST_READINGS = 5;

/** Readings are a second apart. */
const LEAST_BUSY_S = 2;

/** The name of the law that says how much of its busy time the main thread had a CPU. */
export const CPU_OF_THREAD = "a CPU for the main thread";

/** Little's law and the utilisation law: figures from spans beside those from metrics, which are measured on other ways. */
export function checkLaws({ capacity, metrics }: Pick<Facts, "capacity" | "metrics">): Law[] {
  const { throughputPerSecond, runMs, ownMs, utilization, processes, concurrency, isConcurrencyKnown, slotMs } =
    capacity;
  const laws: Law[] = [];
  const running = (throughputPerSecond * runMs) / 1e3;
  const active = metrics.mean(names.ACTIVE_JOBS);
  if (active && active.samples >= LEAST_READINGS) {
    laws.push({
      name: "Little's law",
      formula: "jobs in progress = throughput x mean run",
      ...{ expected: running, measured: active.value, unit: "jobs" },
      agrees: Math.abs(active.value - running) <= Math.max(0.5, limit("lawError") * running),
    });
  }
  if (isConcurrencyKnown && slotMs > 0) {
    laws.push({
      name: "slots",
      formula: "throughput x mean job span <= processes x concurrency",
      ...{ expected: processes * concurrency, measured: (throughputPerSecond * slotMs) / 1e3, unit: "jobs" },
      agrees: (throughputPerSecond * slotMs) / 1e3 <= processes * concurrency * 1.02,
    });
  }
  const isFromMetrics = metrics.change(names.EVENT_LOOP_TIME, "active") !== undefined;
  if (ownMs !== undefined && utilization !== undefined && isFromMetrics) {
    const expected = (throughputPerSecond * ownMs) / 1e3 / processes;
    laws.push({
      name: "utilisation law",
      formula: "main thread busy = throughput x JavaScript a job / processes, and what is booked to no job",
      ...{ expected: 100 * expected, measured: 100 * utilization, unit: "%" },
      // What belongs to no job comes on top; less than the jobs had it cannot have been busy.
      agrees: utilization >= expected * (1 - limit("lawError")) && utilization - expected <= limit("lawError"),
    });
  }
  const share = cpuOfBusyThread(metrics);
  if (share !== undefined) {
    laws.push({
      name: CPU_OF_THREAD,
      formula: "CPU time of the main thread / time in which its event loop was busy",
      ...{ expected: 100, measured: 100 * share, unit: "%" },
      agrees: share >= 1 - limit("lawError"),
    });
  }
  return laws;
}

/**
 * How much of the time in which it was busy the main thread had a CPU: less where the quota was used up, or other processes
 * of the machine wanted it too. `undefined` where that is not measured, or it was hardly busy.
 */
export function cpuOfBusyThread(metrics: Facts["metrics"]): number | undefined {
  const cpu = metrics.change(names.MAIN_THREAD_CPU_TIME);
  const busy = metrics.change(names.EVENT_LOOP_TIME, "active");
  return cpu !== undefined && busy !== undefined && busy >= LEAST_BUSY_S ? Math.min(1, cpu / busy) : undefined;
}
