import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { cgroupPlaces } from "../cgroup.ts";

/** What enforces limits on a process of this machine. */
export type Mechanism =
  /** The folders in which cgroups are made, one a controller. */
  | { name: "cgroup v1"; cpu: string; memory: string }
  /** The folder in which a cgroup is made. */
  | { name: "cgroup v2"; parent: string }
  | { name: "systemd-run"; isRoot: boolean }
  /** V8's flags alone: no limit of CPUs and memory. */
  | { name: "V8 flags"; reason: string };

/** What the choice depends on. */
export interface System {
  /** Where `proc` and `sys` are. @default {"/"} */
  root?: string;
  uid: number | undefined;
  platform: string;
  /** Folders of programs. */
  path: string;
}

/**
 * The best mechanism that this process may use: cgroup v1 by root, systemd, a delegated cgroup v2, else V8's flags.
 *
 * @see https://docs.kernel.org/admin-guide/cgroup-v2.html#delegation
 */
export function findMechanism({ root = "/", uid, platform, path }: System): Mechanism {
  if (platform !== "linux") return { name: "V8 flags", reason: `there are no cgroups on ${platform}` };
  const { cpu, memory } = cgroupPlaces({ root });
  if (cpu?.version === 1 && memory?.version === 1) {
    const [ofCpu, ofMemory] = [cpu.folder, memory.folder];
    if (takesFolders(ofCpu) && takesFolders(ofMemory)) return { name: "cgroup v1", cpu: ofCpu, memory: ofMemory };
    return { name: "V8 flags", reason: "only root may make a cgroup v1" };
  }
  // As in sd_booted(3); without it systemd-run has nobody to ask.
  const isSystemd = existsSync(join(root, "run/systemd/system"));
  const hasUserManager = uid === 0 || existsSync(join(root, `run/user/${uid}/systemd`));
  const isInstalled = path.split(":").some((folder) => folder && existsSync(join(root, folder, "systemd-run")));
  if (isSystemd && hasUserManager && isInstalled) return { name: "systemd-run", isRoot: uid === 0 };
  if (!cpu) return { name: "V8 flags", reason: "no cgroups are mounted" };
  for (let { folder } = cpu; existsSync(join(folder, "cgroup.procs")); folder = dirname(folder)) {
    // A process is moved by writing to the cgroup.procs of the new cgroup and of the common ancestor.
    if (delegates(folder) && isWritable(join(folder, "cgroup.procs")) && takesFolders(folder)) {
      return { name: "cgroup v2", parent: folder };
    }
  }
  return { name: "V8 flags", reason: "no cgroup v2 with cpu and memory is delegated to this user" };
}

function delegates(folder: string): boolean {
  const file = join(folder, "cgroup.subtree_control");
  const enabled = existsSync(file) ? readFileSync(file, "utf8").trim().split(" ") : [];
  return enabled.includes("cpu") && enabled.includes("memory");
}

/** Tried: the mode says too little of a mount that is read-only, and nothing to Deno of what root may do. */
function takesFolders(folder: string): boolean {
  try {
    rmdirSync(mkdtempSync(join(folder, "prodlike-probe-")));
    return true;
  } catch {
    return false;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
