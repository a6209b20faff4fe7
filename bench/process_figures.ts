import { existsSync, readFileSync } from "node:fs";
import { statOf } from "../src/processes/process_id.ts";

/** User and system time of a process, in s: fields 14 and 15 of proc_pid_stat(5), 100 a second. Linux only. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The most memory that a process held, in 10^6 bytes; undefined where `/proc` does not tell. */
export function peakMb(pid: number): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  return (Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(file, "utf8"))?.[1]) * 1024) / 1e6;
}
