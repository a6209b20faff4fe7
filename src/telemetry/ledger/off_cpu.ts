import type { JobTime } from "./job_time.ts";
import { openThreadCpu } from "./thread_cpu.ts";

/** A job that has had the thread for less since the last look is hardly worth what one costs, ms. */
const WORTH_A_LOOK_MS = 1;

/**
 * For how long jobs had the thread, and the thread had no CPU: what JavaScript took by the wall clock between two looks, less
 * the thread's CPU time, shared among the jobs by the time that each had the thread.
 */
export class OffCpu {
  readonly #threadCpu = openThreadCpu();
  /** An array, as what a Map has outgrown keeps every job that was in it until all of the heap is collected. */
  readonly #running: JobTime[] = [];
  #last: { busyMs: number; cpuMs: number } | undefined;

  begin(job: JobTime): void {
    if (!this.#threadCpu) return;
    job.running = this.#running.length;
    this.#running.push(job);
  }

  end(job: JobTime, busyMs: number): void {
    if (this.#running[job.running] !== job) return;
    if (job.ownMs - job.lookedAtMs > WORTH_A_LOOK_MS) this.#look(busyMs);
    const last = this.#running.pop()!;
    if (last === job) return;
    this.#running[job.running] = last;
    last.running = job.running;
  }

  #look(busyMs: number): void {
    const now = { busyMs, cpuMs: (this.#threadCpu?.() ?? 0) * 1e3 };
    const last = this.#last;
    this.#last = now;
    if (!last) return;
    const busy = now.busyMs - last.busyMs;
    const lost = Math.max(0, busy - (now.cpuMs - last.cpuMs));
    for (const job of this.#running) {
      job.offCpuMs = (job.offCpuMs ?? 0) + (lost * (job.ownMs - job.lookedAtMs)) / busy;
      job.lookedAtMs = job.ownMs;
    }
  }
}
