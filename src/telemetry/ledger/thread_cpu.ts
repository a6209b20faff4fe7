import { openSync, readSync } from "node:fs";

/**
 * The clock of the CPU time of the thread that calls, in s; `undefined` where there is none, as on Node 20 outside of Linux.
 *
 * The kernel counts at its ticks, some ms apart, so that a thread that runs sees a figure of the past. When the CPU time of the
 * process is asked for, that of the thread is brought up to date (`thread_group_cputime` in kernel/sched/cputime.c).
 */
export function openThreadCpu(): (() => number) | undefined {
  // Node 22.19 and 23.9; the types are those of Node 20.
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  if (threadCpuUsage) {
    return () => {
      process.cpuUsage();
      const { user, system } = threadCpuUsage.call(process);
      return (user + system) / 1e6;
    };
  }
  try {
    // The first figure is the time on a CPU, ns (the kernel's Documentation/scheduler/sched-stats.rst).
    const file = openSync("/proc/thread-self/schedstat", "r");
    const bytes = Buffer.alloc(64);
    return () => {
      process.cpuUsage();
      return Number.parseInt(bytes.toString("latin1", 0, readSync(file, bytes, 0, bytes.length, 0)), 10) / 1e9;
    };
  } catch {
    return undefined; // not Linux, or a kernel that does not count it
  }
}
