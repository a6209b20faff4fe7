import { existsSync, openSync, readSync } from "node:fs";
import { performance } from "node:perf_hooks";

/** The clocks of the kernel for the main thread at one moment. */
export interface ThreadMoment {
  /** `performance.now()`. */
  atMs: number;
  /** On a CPU so far. */
  cpuMs: number;
  /** Ready to run, and not on a CPU, so far: others had it, or the quota was used up. */
  waitedMs: number;
}

/** By a clock that all processes of the machine share, and that nobody sets. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const FILE = "/proc/thread-self/schedstat";

/** Within this the clocks are read, ms, else once more: others may take the CPU in the middle. */
const AT_ONCE_MS = 0.1;
const TRIES = 5;

/** What the kernel has counted for the main thread; where it does not count, it seems to sleep all the time. */
export class ThreadClock {
  readonly moments: ThreadMoment[] = [];
  /** What the machine's clock is at 0 of `performance.now()`. */
  readonly originMs = Math.min(...Array.from({ length: 10 }, () => -performance.now() + machineMs()));
  readonly #file = existsSync(FILE) ? openSync(FILE, "r") : undefined;
  readonly #text = Buffer.alloc(64);

  mark(): ThreadMoment {
    let moment = this.#readAll();
    for (let tries = 1; tries < TRIES && performance.now() - moment.atMs > AT_ONCE_MS; tries++)
      moment = this.#readAll();
    this.moments.push(moment);
    return moment;
  }

  #readAll(): ThreadMoment {
    return { atMs: performance.now(), ...this.#read() };
  }

  #read(): { cpuMs: number; waitedMs: number } {
    if (this.#file === undefined) return { cpuMs: 0, waitedMs: 0 };
    process.cpuUsage(); // brings the kernel's count up to date, which is else behind by up to a tick of 10 ms
    const length = readSync(this.#file, this.#text, 0, 64, 0);
    const [cpuNs, waitedNs] = this.#text.toString("latin1", 0, length).split(" ").map(Number);
    return { cpuMs: cpuNs! / 1e6, waitedMs: waitedNs! / 1e6 };
  }
}
