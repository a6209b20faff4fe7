import { statOf } from "../../src/processes/process_id.ts";

/** User and system time of a process, in s: fields 14 and 15 of proc_pid_stat(5), 100 a second. Linux only. */
export function cpuSeconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
