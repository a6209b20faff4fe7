import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What the kernel says of a cgroup, version 1 or 2. What cannot be read, or is not limited, is `undefined`. */
export interface CgroupFigures {
  /** The quota, in CPUs. */
  cpuLimit?: number | undefined;
  /** CPU time of all of its processes. */
  cpuSeconds?: number | undefined;
  /** Periods of its CPU quota in which it ran. */
  periods?: number | undefined;
  throttledPeriods?: number | undefined;
  /** Sum over its threads, as each waits. */
  throttledSeconds?: number | undefined;
  memoryBytes?: number | undefined;
  /** Memory less the file pages that nobody has used for a while. */
  workingSetBytes?: number | undefined;
  memoryLimitBytes?: number | undefined;
  memoryPeakBytes?: number | undefined;
  oomKills?: number | undefined;
}

export interface CgroupOptions {
  /** @default this process */
  pid?: number;
  /** Folder that stands for `/`. @default {"/"} */
  root?: string;
}

/** The cgroup of one process. */
export interface Cgroup {
  /** The figures as they are now, of the cgroup that the process is in; once it has ended, of the one that it was in. */
  read(): CgroupFigures;
  /** Only what the quota took, from one file, of the cgroup that the last `read` found. */
  readThrottling(): ThrottlingCounts;
}

type ThrottlingCounts = Pick<CgroupFigures, "periods" | "throttledPeriods" | "throttledSeconds">;

/**
 * The cgroup of a process, inside a container or outside. Its parents are not looked at. The root cgroup counts as none:
 * its figures are those of the machine.
 *
 * @see https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html and cgroups(7)
 */
export function openCgroup({ pid, root = "/" }: CgroupOptions = {}): Cgroup {
  let known: string | undefined;
  let places: Places = {};
  return {
    read() {
      const membership = readText(join(root, `/proc/${pid ?? "self"}/cgroup`));
      // A process can be moved, but hardly ever is; the mounts are those of this process, which reads the files.
      if (membership !== undefined && membership !== known) {
        known = membership;
        const found = Object.entries(findPlaces(membership, root)).filter(([, place]) => !isRoot(place));
        // A process that has just ended is shown in the root.
        if (found.length) places = Object.fromEntries(found);
      }
      return readFigures(places);
    },
    readThrottling: () => (places.cpu ? readStat(places.cpu).throttling : {}),
  };
}

/** Where a controller has its files for one process. */
export interface Place {
  version: 1 | 2;
  /** Absolute. */
  folder: string;
}

const CONTROLLERS = ["cpu", "cpuacct", "memory"] as const;
export type Places = Partial<Record<(typeof CONTROLLERS)[number], Place>>;

/** The cgroups that a process is in now, the root among them; empty where there are none. */
export function cgroupPlaces({ pid, root = "/" }: CgroupOptions = {}): Places {
  return findPlaces(readText(join(root, `/proc/${pid ?? "self"}/cgroup`)) ?? "", root);
}

/** Each controller is in one hierarchy, of version 1 or 2; both versions may be mounted. */
function findPlaces(membership: string, root: string): Places {
  const mounts = (readText(join(root, "/proc/self/mountinfo")) ?? "").split("\n").map(parseMount);
  const hierarchies = membership.split("\n").map((line) => {
    const [, controllers = "", ...path] = line.split(":"); // the path may hold colons
    return { controllers: controllers.split(","), path: path.join(":") };
  });
  const places: Places = {};
  for (const controller of CONTROLLERS) {
    const own = hierarchies.find(({ controllers }) => controllers.includes(controller));
    const version = own ? 1 : 2;
    const path = (own ?? hierarchies.find(({ controllers }) => controllers[0] === ""))?.path;
    if (!path) continue;
    const folder = mounts
      .filter((mount) => mount.type === (own ? "cgroup" : "cgroup2") && (!own || mount.options.includes(controller)))
      .map((mount) => folderIn(mount, path))
      .find((found) => found !== undefined);
    if (folder === undefined) continue;
    places[controller] = { version, folder: join(root, folder) };
  }
  return places;
}

/** proc_pid_mountinfo(5): `31 23 0:28 <root> <mount point> <options> [...] - <type> <source> <super options>`. */
function parseMount(line: string) {
  const [mount = "", filesystem = ""] = line.split(" - ");
  const [, , , root = "", point = ""] = mount.split(" ").map(unescapeOctal);
  const [type = "", , options = ""] = filesystem.split(" ");
  return { root, point, type, options: options.split(",") };
}

/** Space, tab, newline and backslash stand as `\040`, `\011`, `\012` and `\134`. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Where a cgroup is seen through a mount, which may show a part of the hierarchy, as in a container. */
function folderIn({ root, point }: { root: string; point: string }, path: string): string | undefined {
  const base = root === "/" ? "" : root;
  if (path !== base && !path.startsWith(`${base}/`)) return undefined;
  const below = path.slice(base.length);
  // Outside of what a cgroup namespace shows.
  return below.split("/").includes("..") ? undefined : join(point, below);
}

/** Files that the kernel makes in the root of a hierarchy only, or everywhere else. */
function isRoot({ version, folder }: Place): boolean {
  return version === 1 ? existsSync(join(folder, "release_agent")) : !existsSync(join(folder, "cgroup.events"));
}

function readFigures({ cpu, cpuacct, memory }: Places): CgroupFigures {
  return {
    ...(cpu && readCpu(cpu)),
    ...(cpuacct?.version === 1 && { cpuSeconds: scaled(readNumber(cpuacct, "cpuacct.usage"), 1e9) }),
    ...(memory && readMemory(memory)),
  };
}

function readCpu(place: Place): CgroupFigures {
  const { stat, throttling } = readStat(place);
  return {
    cpuLimit: readCpuLimit(place),
    ...throttling,
    ...(place.version === 2 && { cpuSeconds: scaled(field(stat, "usage_usec"), 1e6) }),
  };
}

function readStat({ version, folder }: Place): { stat: string; throttling: ThrottlingCounts } {
  const stat = readText(join(folder, "cpu.stat")) ?? "";
  const throttledSeconds =
    version === 1 ? scaled(field(stat, "throttled_time"), 1e9) : scaled(field(stat, "throttled_usec"), 1e6);
  const throttling = {
    periods: field(stat, "nr_periods"),
    throttledPeriods: field(stat, "nr_throttled"),
    throttledSeconds,
  };
  return { stat, throttling };
}

/** "-1" and "max" are no limit. */
function readCpuLimit(place: Place): number | undefined {
  const [quota, period] =
    place.version === 1
      ? [readNumber(place, "cpu.cfs_quota_us"), readNumber(place, "cpu.cfs_period_us")]
      : (readText(join(place.folder, "cpu.max")) ?? "").split(" ").map(Number);
  return quota && period ? quota / period : undefined;
}

function readMemory(place: Place): CgroupFigures {
  const names = place.version === 1 ? memoryV1 : memoryV2;
  const memoryBytes = readNumber(place, names.usage);
  const inactive = field(readText(join(place.folder, "memory.stat")) ?? "", names.inactive);
  const limit = readNumber(place, names.limit);
  return {
    memoryBytes,
    workingSetBytes:
      memoryBytes === undefined || inactive === undefined ? undefined : Math.max(0, memoryBytes - inactive),
    // No limit is "max" in version 2 and the last whole page below 2^63 in version 1.
    memoryLimitBytes: limit !== undefined && limit <= Number.MAX_SAFE_INTEGER ? limit : undefined,
    memoryPeakBytes: readNumber(place, names.peak),
    oomKills: field(readText(join(place.folder, names.events)) ?? "", "oom_kill"),
  };
}

const memoryV1 = {
  usage: "memory.usage_in_bytes",
  limit: "memory.limit_in_bytes",
  peak: "memory.max_usage_in_bytes",
  events: "memory.oom_control",
  inactive: "total_inactive_file",
};

const memoryV2 = {
  usage: "memory.current",
  limit: "memory.max",
  peak: "memory.peak", // Linux 5.19
  events: "memory.events",
  inactive: "inactive_file",
};

/** The number of a line `<name> <number>`. */
function field(text: string, name: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

function readNumber({ folder }: Place, file: string): number | undefined {
  const text = readText(join(folder, file))?.trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

function scaled(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined; // not Linux, an older kernel, a controller that is off, or a process that has ended
  }
}
