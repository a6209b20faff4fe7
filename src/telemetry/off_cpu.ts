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
  readonly #running = new Map<JobTime, number>(); // with its own time at the last look
  #last: { busyMs: number; cpuMs: number } | undefined;

  begin(job: JobTime): void {
    if (this.#threadCpu) this.#running.set(job, 0);
  }

  end(job: JobTime, busyMs: number): void {
    const own = this.#running.get(job);
    if (own === undefined) return;
    if (job.ownMs - own > WORTH_A_LOOK_MS) this.#look(busyMs);
    this.#running.delete(job);
  }

  #look(busyMs: number): void {
    const now = { busyMs, cpuMs: (this.#threadCpu?.() ?? 0) * 1e3 };
    const last = this.#last;
    this.#last = now;
    if (!last) return;
    const busy = now.busyMs - last.busyMs;
    const lost = Math.max(0, busy - (now.cpuMs - last.cpuMs));
    for (const [job, own] of this.#running) {
      job.offCpuMs = (job.offCpuMs ?? 0) + (lost * (job.ownMs - own)) / busy;
      this.#running.set(job, job.ownMs);
    }
  }
}
