import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { currentRuntime } from "../../settings/runtime.ts";
import { JobTime, readClocks } from "./job_time.ts";
import { OffCpu } from "./off_cpu.ts";
import { openThreadCpu } from "./thread_cpu.ts";

const threadCpu = openThreadCpu();
// On Deno the clock of the thread stays that of the kernel's last tick; it has no ledger.
const skip = !threadCpu || currentRuntime === "deno";

/** Computes for so long by the thread's own clock, and returns how long that took by the one on the wall, ms. */
function compute(cpuMs: number): number {
  const [began, wallMs] = [threadCpu!(), performance.now()];
  while (threadCpu!() - began < cpuMs / 1e3);
  return performance.now() - wallMs;
}

test("openThreadCpu() counts while the thread runs, not at the kernel's ticks alone", { skip }, () => {
  const steps = new Set<number>();
  for (let each = 0; each < 200; each++) {
    const [before, untilMs] = [threadCpu!(), performance.now() + 0.2];
    while (performance.now() < untilMs);
    if (threadCpu!() > before) steps.add(each);
  }
  assert.ok(steps.size > 190, `${steps.size} of 200 looks saw 0.2 ms of CPU`);
});

test("OffCpu books to a job what it had the thread for without a CPU", { skip }, () => {
  const offCpu = new OffCpu();
  let busyMs = 0;
  const run = (ownMs: number): JobTime => {
    const job = new JobTime(readClocks(busyMs, performance.now()));
    offCpu.begin(job);
    job.ownMs = ownMs;
    busyMs += ownMs;
    offCpu.end(job, busyMs);
    return job;
  };
  run(2); // from here on the clocks are known
  // As if the thread had been taken from it for 30 ms.
  const preempted = run(compute(20) + 30);
  const { offCpuMs = 0, ownMs } = preempted;
  assert.ok(Math.abs(ownMs - offCpuMs - 20) < 5, `${ownMs} ms, ${offCpuMs} of it without a CPU`);
  assert.equal(run(0.5).offCpuMs, undefined, "a short job is not worth a look");
});
