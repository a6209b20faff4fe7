import { readFileSync } from "node:fs";
import { type CgroupFigures, openCgroup } from "../cgroup.ts";
import type { Sample } from "../death/explain_death.ts";

/** Watches a process from outside, so that what it was like just before it is killed is known. */
export interface Watch {
  /** The last minute, oldest first. */
  samples(): Sample[];
  /** Kills by the kernel for want of memory in its cgroup; `undefined` where nobody counts. */
  oomKills(): number | undefined;
  /** The most memory that the kernel has counted in its cgroup; `undefined` where nobody counts. */
  peakBytes(): number | undefined;
  /** The memory limit of its cgroup, in bytes; `undefined`: there is none. */
  memoryLimitBytes(): number | undefined;
  stop(): void;
}

const EVERY_MS = 250;
const KEPT = 240;

/**
 * Starts watching the process `pid`; its cgroup is looked at when it has one of its own. Linux only: elsewhere there are no
 * samples.
 */
export function watchProcess(pid: number, hasOwnCgroup: boolean): Watch {
  const cgroup = hasOwnCgroup ? openCgroup({ pid }) : undefined;
  const samples: Sample[] = [];
  let last: CgroupFigures = {};
  const timer = setInterval(() => {
    const resident = residentBytes(pid);
    if (resident === undefined) return; // it has ended
    last = { ...last, ...cgroup?.read() };
    samples.push({ atMs: Date.now(), bytes: last.memoryBytes ?? resident }); // of its cgroup where it has one
    if (samples.length > KEPT) samples.shift();
  }, EVERY_MS);
  timer.unref();
  return {
    samples: () => samples,
    oomKills: () => cgroup?.read().oomKills ?? last.oomKills,
    peakBytes: () => cgroup?.read().memoryPeakBytes ?? last.memoryPeakBytes,
    memoryLimitBytes: () => last.memoryLimitBytes,
    stop: () => clearInterval(timer),
  };
}

function residentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes ? Number(kilobytes) * 1024 : undefined;
  } catch {
    return undefined; // it has ended, or this is no Linux
  }
}
