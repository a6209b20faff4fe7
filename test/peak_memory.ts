import { existsSync, readFileSync } from "node:fs";

/** The most memory that a process held, in 10^6 bytes; undefined where `/proc` does not tell. */
export function peakMb(pid: number): number | undefined {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return undefined;
  return (Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(file, "utf8"))?.[1]) * 1024) / 1e6;
}
