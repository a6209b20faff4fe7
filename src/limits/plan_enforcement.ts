import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../terminal/user_error.ts";
import type { Mechanism } from "./mechanism.ts";

/** What has to be done so that a mechanism enforces limits on one process. */
export interface EnforcementPlan {
  /** What enforces CPUs and memory; `undefined` with the reason when nothing does. */
  by: string | undefined;
  reason?: string;
  /** Cgroups to make, absolute. */
  folders: string[];
  /** Then what to write, in this order. */
  writes: { file: string; value: string }[];
  /** The command line that goes in front of the process's own. */
  prefix: string[];
}

/** The kernel's default length of a period, in us. @see https://docs.kernel.org/scheduler/sched-bwc.html */
const PERIOD_US = 100_000;
/** Moves itself into the cgroups that are named before "--", then becomes the command behind it: the pid stays. */
const JOIN = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; done; shift; exec "$@"';

/** The steps for a process called `name`, unique on this machine; letters, digits and "-". */
export function planEnforcement(
  mechanism: Mechanism,
  name: string,
  { cpus, memoryBytes }: { cpus: number; memoryBytes: number },
): EnforcementPlan {
  const quotaUs = Math.round(cpus * PERIOD_US);
  const join_ = (...folders: string[]) => ["/bin/sh", "-c", JOIN, "sh", ...folders, "--"];
  switch (mechanism.name) {
    case "cgroup v1": {
      const [cpu, memory] = [join(mechanism.cpu, name), join(mechanism.memory, name)];
      const writes = [
        { file: join(cpu, "cpu.cfs_period_us"), value: String(PERIOD_US) },
        { file: join(cpu, "cpu.cfs_quota_us"), value: String(quotaUs) },
        { file: join(memory, "memory.limit_in_bytes"), value: String(memoryBytes) },
      ];
      // Only there with swap accounting; memory and swap together may not be less than memory alone.
      const swap = "memory.memsw.limit_in_bytes";
      if (existsSync(join(mechanism.memory, swap)))
        writes.push({ file: join(memory, swap), value: String(memoryBytes) });
      return { by: "cgroup v1", folders: [...new Set([cpu, memory])], writes, prefix: join_(cpu, memory) };
    }
    case "cgroup v2": {
      const folder = join(mechanism.parent, name);
      const writes = [
        { file: join(folder, "cpu.max"), value: `${quotaUs} ${PERIOD_US}` },
        { file: join(folder, "memory.max"), value: String(memoryBytes) },
      ];
      if (existsSync(join(mechanism.parent, "memory.swap.max"))) {
        writes.push({ file: join(folder, "memory.swap.max"), value: "0" });
      }
      return { by: "cgroup v2", folders: [folder], writes, prefix: join_(folder) };
    }
    case "systemd-run": {
      // CPUQuota is in per cent of one CPU. A scope runs the command as this very process.
      const properties = [`CPUQuota=${quotaUs / 1_000}%`, `MemoryMax=${memoryBytes}`, "MemorySwapMax=0"];
      const options = properties.flatMap((property) => ["--property", property]);
      const user = mechanism.isRoot ? [] : ["--user"];
      const prefix = ["systemd-run", ...user, "--scope", "--quiet", "--collect", `--unit=${name}`, ...options, "--"];
      return { by: `systemd-run${mechanism.isRoot ? "" : " --user"}`, folders: [], writes: [], prefix };
    }
    case "V8 flags":
      return { by: undefined, reason: mechanism.reason, folders: [], writes: [], prefix: [] };
  }
}

/**
 * Makes the cgroups of a plan; one that is left of a process that ended is used again.
 *
 * @throws {UserError} when the kernel refuses a limit
 */
export function prepareEnforcement({ folders, writes }: EnforcementPlan): void {
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  for (const { file, value } of writes) {
    try {
      writeFileSync(file, value);
    } catch (cause) {
      throw new UserError(
        `Cannot limit the worker: the kernel refuses ${value} in ${file}: ${(cause as Error).message}`,
        {
          cause,
        },
      );
    }
  }
}

/** Removes cgroups whose process has ended: the kernel takes some ms for that. One that holds another process stays. */
export async function removeEnforcement(folders: string[]): Promise<void> {
  const rest = new Set(folders);
  for (let tries = 0; rest.size > 0 && tries < 50; tries++) {
    if (tries > 0) await sleep(20);
    for (const folder of rest) if (isRemoved(folder)) rest.delete(folder);
  }
}

function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EBUSY";
  }
}
