import { readFileSync } from "node:fs";
import type { Meter } from "@opentelemetry/api";
import * as names from "./attributes.ts";

/**
 * Reports CPU time of the process and of its main thread, and the wall time since the process began, all three read at
 * one moment.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/system/process-metrics/
 */
export function observeCpu(meter: Meter): void {
  const cpu = meter.createObservableCounter(names.PROCESS_CPU_TIME, { unit: "s" });
  const uptime = meter.createObservableGauge(names.PROCESS_UPTIME, { unit: "s" });
  const mainThread = meter.createObservableCounter(names.MAIN_THREAD_CPU_TIME, { unit: "s" });
  meter.addBatchObservableCallback(
    (result) => {
      const { user, system } = process.cpuUsage();
      const threadSeconds = mainThreadCpuSeconds();
      result.observe(uptime, process.uptime());
      result.observe(cpu, user / 1e6, { [names.CPU_MODE]: "user" });
      result.observe(cpu, system / 1e6, { [names.CPU_MODE]: "system" });
      if (threadSeconds !== undefined) result.observe(mainThread, threadSeconds);
    },
    [cpu, uptime, mainThread],
  );
}

/** CPU time of the thread that calls, which is the main thread; `undefined` on Node 20 outside of Linux. */
export function mainThreadCpuSeconds(): number | undefined {
  process.cpuUsage(); // the kernel brings its count of the thread up to date for it; else a tick of up to 10 ms is missing
  // Node 22.19 and 23.9; the types are those of Node 20.
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  if (threadCpuUsage) {
    const { user, system } = threadCpuUsage.call(process);
    return (user + system) / 1e6;
  }
  try {
    // The first figure is the time on a CPU, ns (the kernel's Documentation/scheduler/sched-stats.rst).
    return Number.parseInt(readFileSync("/proc/thread-self/schedstat", "latin1"), 10) / 1e9;
  } catch {
    return undefined; // not Linux, or a kernel that does not count it
  }
}
