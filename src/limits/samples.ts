import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupsOf, readLines, readNumber } from "./cgroups.ts";

/** The memory of a process at one moment, as seen from outside. */
export interface Sample {
  /** Unix time. */
  atMs: number;
  /** Of its cgroup where it has one of its own, else its resident set. */
  bytes: number;
}

/** Watches a process from outside, so that what it was like just before it is killed is known. */
export interface Watch {
  /** The last minute, oldest first. */
  samples(): Sample[];
  /** Kills by the kernel for want of memory in its cgroup; `undefined` where nobody counts. */
  oomKills(): number | undefined;
  /** The memory limit of its cgroup, in bytes; `undefined`: there is none. */
  memoryLimitBytes(): number | undefined;
  stop(): void;
}

const EVERY_MS = 250;
const KEPT = 240;

/**
 * Starts watching the process `pid`. Its cgroup is believed when it is not the one of this process. Linux only: elsewhere
 * there are no samples.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v1/memory.html, https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
export function watchProcess(pid: number): Watch {
  const ours = cgroupsOf("self");
  const samples: Sample[] = [];
  let [v1, v2]: (string | undefined)[] = [];
  let limit: number | undefined;
  let kills: number | undefined;
  const file = (ofV1: string, ofV2: string) => (v1 ? join(v1, ofV1) : v2 ? join(v2, ofV2) : "");
  const look = () => {
    // It joins its cgroup after it was started; of a process that has ended the kernel shows the root.
    if (!v1 && !v2) [v1, v2] = ["memory", ""].map((name) => differing(cgroupsOf(pid).get(name), ours.get(name)));
    limit = readNumber(file("memory.limit_in_bytes", "memory.max")) ?? limit;
    const bytes = readNumber(file("memory.usage_in_bytes", "memory.current")) ?? residentBytes(pid);
    if (bytes === undefined) return;
    samples.push({ atMs: Date.now(), bytes });
    if (samples.length > KEPT) samples.shift();
  };
  look();
  const timer = setInterval(look, EVERY_MS);
  timer.unref();
  return {
    samples: () => samples,
    oomKills() {
      const lines = readLines(file("memory.oom_control", "memory.events"));
      const line = lines.find((each) => each.startsWith("oom_kill "));
      kills = line ? Number(line.split(" ")[1]) : kills;
      return kills;
    },
    memoryLimitBytes: () => limit,
    stop: () => clearInterval(timer),
  };
}

function differing(folder: string | undefined, from: string | undefined): string | undefined {
  return folder === from ? undefined : folder;
}

function residentBytes(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes ? Number(kilobytes) * 1024 : undefined;
  } catch {
    return undefined; // it has ended, or this is no Linux
  }
}
