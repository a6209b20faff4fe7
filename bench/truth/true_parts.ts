// The parts of jobs by what all of them recorded.

import type { Interval, Recorder } from "./recorder.ts";
import type { ThreadMoment } from "./thread_clock.ts";

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
  const gaps = gapsBetween(moments, all);
  const ofOthers = 1 - 1 / all.length;
  const busyOthers = (fromMs: number, toMs: number) =>
    sum(others.map((burn) => overlapMs(burn, fromMs, toMs))) +
    ofOthers * sum(gaps.map((gap) => (gap.cpuMs * overlapMs(gap, fromMs, toMs)) / (gap.to.atMs - gap.from.atMs)));
  const own =
    sum(job.burns.map(({ from, to }) => to.atMs - from.atMs)) + sum(gaps.map(({ cpuMs }) => cpuMs / all.length));
  const throttled = sum(job.burns.map(throttledIn));
  const blocked = sum(job.waits.map(({ fromMs, readyMs, toMs }) => busyOthers(Math.max(fromMs, readyMs), toMs)));
  return {
    parts: {
      run: to - from,
      cpu: own - job.gcMs - throttled,
      gc: job.gcMs,
      ...(job.hasQuota ? { throttled } : {}),
      blocked,
      overlapped: busyOthers(from, to) - blocked,
      idle: sum(gaps.map(({ sleptMs }) => sleptMs)),
      unexplained: 0,
    },
    stolenMs: {
      own: sum(job.burns.map(offCpu)) - throttled,
      between: sum(gaps.map((gap) => offCpu(gap) - gap.sleptMs)),
    },
  };
}

/** An interval in which no job recorded work. */
interface Gap extends Interval {
  cpuMs: number;
  sleptMs: number;
}

function gapsBetween(moments: ThreadMoment[], all: Recorder[]): Gap[] {
  const burning = new Set(all.flatMap(({ burns }) => burns.map(({ from }) => from)));
  return moments.slice(0, -1).flatMap((from, index) => {
    const to = moments[index + 1]!;
    if (burning.has(from) || to.atMs === from.atMs) return [];
    const slept = to.turns !== from.turns; // else it was an interrupt, or the machine itself, that had the CPU
    const sleptMs = slept ? Math.max(0, offCpu({ from, to }) - (to.waitedMs - from.waitedMs)) : 0;
    return [{ from, to, cpuMs: to.cpuMs - from.cpuMs, sleptMs }];
  });
}

function overlapMs({ from, to }: Interval, fromMs: number, toMs: number): number {
  return Math.max(0, Math.min(to.atMs, toMs) - Math.max(from.atMs, fromMs));
}

function offCpu({ from, to }: Interval): number {
  return Math.max(0, to.atMs - from.atMs - (to.cpuMs - from.cpuMs));
}

function throttledIn({ from, to }: Interval): number {
  return Math.min(to.waitedMs - from.waitedMs, to.throttledMs - from.throttledMs);
}

function sum(values: number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
