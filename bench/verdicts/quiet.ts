import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";

/** The machine is quiet while others take no more than this share of it. */
const QUIET = 0.15;
const LOOK_MS = 500;

/** Waits until others hardly use the machine, so long at the most. */
export async function untilQuiet(mostMs: number): Promise<void> {
  const untilMs = performance.now() + mostMs;
  while ((await busyShare(LOOK_MS)) > QUIET && performance.now() < untilMs);
}

async function busyShare(ms: number): Promise<number> {
  const before = cpuTimes();
  await setTimeout(ms);
  const after = cpuTimes();
  return 1 - (after.idle - before.idle) / Math.max(1, after.all - before.all);
}

/** Of all CPUs since the machine was started, ms. */
function cpuTimes(): { idle: number; all: number } {
  const times = cpus().map(({ times }) => times);
  const idle = times.reduce((sum, { idle }) => sum + idle, 0);
  const all = times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle);
  return { idle, all };
}
