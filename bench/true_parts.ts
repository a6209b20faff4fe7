// The parts of jobs by what all of them recorded.
import type { ThreadMoment } from "./thread_clock.ts";
import type { Burn, Recorder } from "./truth_recorder.ts";

/** By name, ms. */
export type Parts = Record<string, number>;

/** What was true of one job, ms. */
export interface Truth {
  parts: Parts;
  /** Others had the CPU while the thread wanted it: in the job's own work, and between the recorded work of all. */
  stolenMs: { own: number; between: number };
}

/** What there is to tell the parts of one job. */
export interface Recorded {
  job: Recorder;
  all: Recorder[];
  /** The clocks of the thread throughout, from the job's begin to its end. */
  moments: ThreadMoment[];
}

/**
 * Between the recorded work the thread sleeps, or runs what little there is besides: promises, sockets, the loop itself.
 * Whose that is nobody recorded, so each of the jobs has its share.
 */
export function trueParts({ job, all, moments }: Recorded): Truth {
  const [from, to] = [moments[0]!.atMs, moments.at(-1)!.atMs];
  const others = all.filter((each) => each !== job).flatMap(({ burns }) => burns);
  const within = (fromMs: number, toMs: number) =>
    sum(others.map((burn) => Math.max(0, Math.min(burn.to.atMs, toMs) - Math.max(burn.from.atMs, fromMs))));
  const own = sum(job.burns.map(({ from, to }) => to.atMs - from.atMs));
  const throttled = sum(job.burns.map((burn) => Math.min(waited(burn), burn.throttledMs)));
  const blocked = sum(job.waits.map(({ fromMs, readyMs, toMs }) => within(Math.max(fromMs, readyMs), toMs)));
  const between = betweenBurns(moments, all);
  const ownRestMs = between.cpuMs / all.length;
  return {
    parts: {
      run: to - from,
      cpu: own + ownRestMs - job.gcMs - throttled,
      gc: job.gcMs,
      ...(job.hasQuota ? { throttled } : {}),
      blocked,
      overlapped: within(from, to) - blocked + between.cpuMs - ownRestMs,
      idle: between.sleptMs,
      unexplained: 0,
    },
    stolenMs: { own: sum(job.burns.map(waited)) - throttled, between: between.waitedMs },
  };
}

/** What the thread did when no job kept it. */
function betweenBurns(moments: ThreadMoment[], all: Recorder[]) {
  const burning = new Set(all.flatMap(({ burns }) => burns.map(({ from }) => from)));
  const total = { cpuMs: 0, waitedMs: 0, sleptMs: 0 };
  for (const [index, from] of moments.slice(0, -1).entries()) {
    if (burning.has(from)) continue;
    const to = moments[index + 1]!;
    const [cpuMs, waitedMs] = [to.cpuMs - from.cpuMs, to.waitedMs - from.waitedMs];
    total.cpuMs += cpuMs;
    total.waitedMs += waitedMs;
    total.sleptMs += Math.max(0, to.atMs - from.atMs - cpuMs - waitedMs);
  }
  return total;
}

/** The thread was ready to run, and was not on a CPU. */
function waited({ from, to }: Burn): number {
  return to.waitedMs - from.waitedMs;
}

function sum(values: number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
