// What synthetic jobs really did, by clocks that know nothing of the ledger.
import { existsSync, readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { openCgroup } from "../src/telemetry/cgroup.ts";

type Interval = [fromMs: number, toMs: number];

/** What one job did: times of `performance.now()`. */
export class Recorder {
  readonly burns: Interval[] = [];
  /** From when it waited, when it could have continued, and when it did. */
  readonly waits: { fromMs: number; readyMs: number; toMs: number }[] = [];
  readonly run: Interval = [0, 0];
  gcMs = 0;
  /** `undefined`: it has no quota. */
  throttledMs: number | undefined;
  /** While it ran, the thread waited for a CPU that others had: whose time that is, nobody can say. */
  stolenMs = 0;

  async record(work: (job: Recorder) => Promise<void>): Promise<void> {
    this.run[0] = performance.now();
    const stolenMs = waitedForCpuMs();
    try {
      await work(this);
    } finally {
      this.run[1] = performance.now();
      this.stolenMs = Math.max(0, waitedForCpuMs() - stolenMs);
    }
  }

  /** Keeps the thread for `ms` of wall time. */
  burn(ms: number): void {
    const untilMs = performance.now() + ms;
    this.burnWhile(() => performance.now() < untilMs);
  }

  /** Keeps the thread as long as `more` says so. */
  burnWhile(more: () => boolean): void {
    const fromMs = performance.now();
    // Seldom looks at the clock, which makes garbage.
    for (let x = 1; more(); ) for (let i = 0; i < 20_000; i++) x = (x * 31 + i) | 0;
    this.burns.push([fromMs, performance.now()]);
  }

  /** Uses `ms` of CPU, under a quota that takes it away now and then. */
  burnCpu(ms: number): void {
    const [fromMs, used] = [performance.now(), process.cpuUsage()];
    const cpuMs = () => {
      const { user, system } = process.cpuUsage(used);
      return (user + system) / 1e3;
    };
    this.burnWhile(() => cpuMs() < ms);
    this.throttledMs = (this.throttledMs ?? 0) + Math.max(0, performance.now() - fromMs - cpuMs());
  }

  /** A timer, which is due by itself. */
  async sleep(ms: number): Promise<void> {
    const fromMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.waits.push({ fromMs, readyMs: fromMs + ms, toMs: performance.now() });
  }

  /** Something that continues as soon as the thread is free. */
  async yield(): Promise<void> {
    const fromMs = performance.now();
    await new Promise((resolve) => setImmediate(resolve));
    this.waits.push({ fromMs, readyMs: fromMs, toMs: performance.now() });
  }

  /** Something that is done elsewhere, beside which nothing else runs. */
  async pending(work: () => Promise<unknown>): Promise<void> {
    const beganMs = performance.now();
    const pending = work();
    const fromMs = performance.now();
    this.burns.push([beganMs, fromMs]); // to start a process takes a while
    await pending;
    const toMs = performance.now();
    this.waits.push({ fromMs, readyMs: toMs, toMs });
  }

  /** The answer of another process, which comes after `ms` and says when it was sent, by the clock of the machine. */
  async ask(socket: Socket, ms: number): Promise<void> {
    const fromMs = performance.now();
    socket.write(`${ms}\n`);
    const answer = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
    this.waits.push({ fromMs, readyMs: Number(answer) - performance.timeOrigin, toMs: performance.now() });
  }
}

/**
 * How long this thread was ready to run and others had the CPU: the second figure of the kernel's sched-stats, less what a
 * quota took; 0 without sched-stats.
 */
function waitedForCpuMs(): number {
  const file = "/proc/thread-self/schedstat";
  if (!existsSync(file)) return 0;
  const throttledMs = (openCgroup().read().throttledSeconds ?? 0) * 1e3;
  return Number(readFileSync(file, "latin1").split(" ")[1]) / 1e6 - throttledMs;
}

/** A connection to the process that answers. */
export function connect(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => resolve(socket));
    socket.on("error", reject);
  });
}

/** By name, ms. */
export type Parts = Record<string, number>;

/** The parts of a job by what all of them recorded, ms. */
export function trueParts(job: Recorder, all: Recorder[]): Parts {
  const [from, to] = job.run;
  const others = all.filter((each) => each !== job).flatMap(({ burns }) => burns);
  const sum = (values: number[]) => values.reduce((total, each) => total + each, 0);
  const within = (fromMs: number, toMs: number) =>
    sum(others.map(([start, end]) => Math.max(0, Math.min(end, toMs) - Math.max(start, fromMs))));
  const own = sum(job.burns.map(([start, end]) => end - start));
  const blocked = sum(job.waits.map(({ fromMs, readyMs, toMs }) => within(Math.max(fromMs, readyMs), toMs)));
  return {
    run: to - from,
    cpu: own - job.gcMs - (job.throttledMs ?? 0),
    gc: job.gcMs,
    ...(job.throttledMs === undefined ? {} : { throttled: job.throttledMs }),
    blocked,
    overlapped: within(from, to) - blocked,
    idle: to - from - own - within(from, to),
    unexplained: 0,
  };
}
