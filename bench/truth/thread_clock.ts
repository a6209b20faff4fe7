import { existsSync, openSync, readSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { openCgroup } from "../../src/cgroup.ts";

/** The clocks of the kernel for the main thread at one moment. */
export interface ThreadMoment {
  /** `performance.now()`. */
  atMs: number;
  /** On a CPU so far. */
  cpuMs: number;
  /** Ready to run, and not on a CPU, so far: others had it, or the quota was used up. */
  waitedMs: number;
  /** How often it was given a CPU so far. */
  turns: number;
  /** For how long the quota was used up so far; the kernel also counts other threads of the process. */
  throttledMs: number;
}

/** By a clock that all processes of the machine share, and that nobody sets. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const FILE = "/proc/thread-self/schedstat";

/** Within this the clocks are read, ms, else once more: others may take the CPU in the middle. */
const AT_ONCE_MS = 0.1;
const TRIES = 5;

/** What the kernel has counted for the main thread; where it does not, the CPU time of the process stands for the thread's. */
export class ThreadClock {
  readonly moments: ThreadMoment[] = [];
  /** What the machine's clock is at 0 of `performance.now()`. */
  readonly originMs = Math.min(...Array.from({ length: 10 }, () => -performance.now() + machineMs()));
  readonly hasQuota: boolean;
  readonly #cgroup = openCgroup();
  readonly #file = existsSync(FILE) ? openSync(FILE, "r") : undefined;
  readonly #text = Buffer.alloc(64);

  constructor() {
    this.hasQuota = this.#cgroup.read().cpuLimit !== undefined;
  }

  mark(): ThreadMoment {
    let moment = this.#readAll();
    for (let tries = 1; tries < TRIES && performance.now() - moment.atMs > AT_ONCE_MS; tries++)
      moment = this.#readAll();
    this.moments.push(moment);
    return moment;
  }

  #readAll(): ThreadMoment {
    const atMs = performance.now();
    const scheduled = this.#read();
    const { throttledSeconds = 0 } = this.hasQuota ? this.#cgroup.readThrottling() : {};
    return { atMs, ...scheduled, throttledMs: throttledSeconds * 1e3 };
  }

  #read(): Pick<ThreadMoment, "cpuMs" | "waitedMs" | "turns"> {
    const { user, system } = process.cpuUsage(); // brings the other count up to date, which is else behind by up to a tick
    if (this.#file === undefined) return { cpuMs: (user + system) / 1e3, waitedMs: 0, turns: this.moments.length };
    const length = readSync(this.#file, this.#text, 0, 64, 0);
    const [cpuNs, waitedNs, turns] = this.#text.toString("latin1", 0, length).split(" ").map(Number);
    return { cpuMs: cpuNs! / 1e6, waitedMs: waitedNs! / 1e6, turns: turns! };
  }
}
