// What synthetic jobs really did, by clocks that know nothing of the ledger.
import { createConnection, type Socket } from "node:net";
import { performance } from "node:perf_hooks";
import type { ThreadClock, ThreadMoment } from "./thread_clock.ts";

/** From one moment to a later one. */
export interface Interval {
  from: ThreadMoment;
  to: ThreadMoment;
}

/** What one job did: times of `performance.now()`. */
export class Recorder {
  /** Intervals in which it kept the thread. */
  readonly burns: Interval[] = [];
  /** From when it waited, when it could have continued, and when it did. */
  readonly waits: { fromMs: number; readyMs: number; toMs: number }[] = [];
  gcMs = 0;
  readonly hasQuota: boolean;
  readonly #clock: ThreadClock;

  constructor(clock: ThreadClock) {
    this.#clock = clock;
    this.hasQuota = clock.hasQuota;
  }

  /** Keeps the thread for `ms` of wall time. */
  burn(ms: number): void {
    const untilMs = performance.now() + ms;
    this.burnWhile(() => performance.now() < untilMs);
  }

  /** Keeps the thread as long as `more` says so. */
  burnWhile(more: () => boolean): void {
    this.#keep(() => {
      // Seldom looks at the clock, which makes garbage.
      for (let x = 1; more(); ) for (let i = 0; i < 20_000; i++) x = (x * 31 + i) | 0;
    });
  }

  /** Uses `ms` of CPU, under a quota that takes it away now and then. */
  burnCpu(ms: number): void {
    const used = process.cpuUsage();
    this.burnWhile(() => {
      const { user, system } = process.cpuUsage(used);
      return (user + system) / 1e3 < ms;
    });
  }

  #keep(work: () => void): void {
    const from = this.#clock.mark();
    work();
    this.burns.push({ from, to: this.#clock.mark() });
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
    let pending: Promise<unknown> | undefined;
    this.#keep(() => {
      pending = work(); // to start a process takes a while
    });
    const fromMs = performance.now();
    await pending;
    const toMs = performance.now();
    this.waits.push({ fromMs, readyMs: toMs, toMs });
  }

  /** The answer of another process, which comes after `ms` and says when it was sent, by `machineMs`. */
  async ask(socket: Socket, ms: number): Promise<void> {
    const fromMs = performance.now();
    socket.write(`${ms}\n`);
    const answer = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
    this.waits.push({ fromMs, readyMs: Number(answer) - this.#clock.originMs, toMs: performance.now() });
  }
}

/** A connection to the process that answers. */
export function connect(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => resolve(socket));
    socket.on("error", reject);
  });
}
