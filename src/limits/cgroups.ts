import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * The folders of a process's cgroups by controller; "" is the one of version 2. Empty where there are none.
 *
 * @see https://man7.org/linux/man-pages/man7/cgroups.7.html
 */
export function cgroupsOf(pid: number | "self", root = "/"): Map<string, string> {
  const folders = new Map<string, string>();
  const mounts = readLines(join(root, "proc/self/mountinfo")).map(readMount);
  for (const line of readLines(join(root, `proc/${pid}/cgroup`))) {
    // "4:cpu,cpuacct:/user.slice", and of version 2 "0::/user.slice"
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const controller of controllers.split(",")) {
      const mount = mounts.find(({ type, options }) =>
        controller ? type === "cgroup" && options.includes(controller) : type === "cgroup2",
      );
      if (!mount) continue;
      // Inside a container the mount shows the cgroup itself, while the path may still be the host's.
      const below = path.startsWith(mount.root) ? path.slice(mount.root === "/" ? 0 : mount.root.length) : "";
      folders.set(controller, join(root, mount.point, below));
    }
  }
  return folders;
}

/** A line of mountinfo: "36 35 98:0 /root /point rw shared:1 - cgroup cgroup rw,cpu". @see proc_pid_mountinfo(5) */
function readMount(line: string): { root: string; point: string; type: string; options: string[] } {
  const [before = "", after = ""] = line.split(" - ");
  const [, , , root = "", point = ""] = before.split(" ");
  const [type = "", , options = ""] = after.split(" ");
  return { root, point, type, options: options.split(",") };
}

/** What holds for a process; `undefined`: no limit. */
export interface CgroupLimits {
  cpus: number | undefined;
  memoryBytes: number | undefined;
}

/** Reads back the limits of the cgroups that a process is in, of either version. */
export function readCgroupLimits(pid: number | "self", root = "/"): CgroupLimits {
  const own = cgroupsOf(pid, root);
  const number = (controller: string, file: string) => {
    const folder = own.get(controller);
    return folder === undefined ? undefined : readNumber(join(folder, file));
  };
  const quota = number("cpu", "cpu.cfs_quota_us");
  const period = number("cpu", "cpu.cfs_period_us");
  const v1 = {
    cpus: quota && period && quota > 0 ? quota / period : undefined,
    memoryBytes: number("memory", "memory.limit_in_bytes"),
  };
  const unified = own.get("");
  const [max, every] = unified ? (readLines(join(unified, "cpu.max"))[0] ?? "").split(" ").map(Number) : [];
  return {
    cpus: v1.cpus ?? (max && every ? max / every : undefined), // "max" is no number
    // Version 1 writes "no limit" as the largest multiple of a page.
    memoryBytes: v1.memoryBytes && v1.memoryBytes < 2 ** 62 ? v1.memoryBytes : number("", "memory.max"),
  };
}

/** The number in a file; `undefined` when it is not there or holds another word, as "max". */
export function readNumber(file: string): number | undefined {
  const value = Number(readLines(file)[0] ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** The lines of a file that need not exist. */
export function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch {
    return []; // no Linux, or a kernel without it
  }
}
