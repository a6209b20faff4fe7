import type { Meter } from "@opentelemetry/api";
import { openThreadCpu } from "../ledger/thread_cpu.ts";
import * as names from "../names.ts";

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
  const threadCpu = openThreadCpu();
  meter.addBatchObservableCallback(
    (result) => {
      const { user, system } = process.cpuUsage();
      const threadSeconds = threadCpu?.();
      result.observe(uptime, process.uptime());
      result.observe(cpu, user / 1e6, { [names.CPU_MODE]: "user" });
      result.observe(cpu, system / 1e6, { [names.CPU_MODE]: "system" });
      if (threadSeconds !== undefined) result.observe(mainThread, threadSeconds);
    },
    [cpu, uptime, mainThread],
  );
}
