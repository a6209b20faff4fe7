import { openCgroup } from "./cgroup.ts";
import type { JobTime } from "./job_time.ts";
import { openThreadCpu } from "./thread_cpu.ts";

/** A job that has had the thread for less since the last look is hardly worth what one costs, ms. */
const WORTH_A_LOOK_MS = 1;
/** How often it is looked whether there is a quota, ms. */
const QUOTA_MS = 10_000;

/**
 * For how long jobs had the thread, and the thread had no CPU: what JavaScript took by the wall clock between two looks, less
 * the thread's CPU time, shared among the jobs by the time that each had the thread. As much of it as the kernel has counted
 * meanwhile is because the quota of the cgroup was used up: an estimate, as the kernel does not say when.
 */
export class OffCpu {
  readonly #cgroup = openCgroup();
  readonly #threadCpu = openThreadCpu();
  readonly #running = new Map<JobTime, number>(); // with its own time at the last look
  #hasQuota = false;
  #quotaSeenMs = Number.NEGATIVE_INFINITY;
  #last = { busyMs: 0, cpuMs: 0, throttledMs: 0 };

  begin(job: JobTime, busyMs: number): void {
    if (!this.#threadCpu) return;
    if (performance.now() - this.#quotaSeenMs > QUOTA_MS) this.#findQuota(busyMs);
    if (this.#hasQuota) job.throttledMs = 0;
    this.#running.set(job, 0);
  }

  end(job: JobTime, busyMs: number): void {
    const own = this.#running.get(job);
    if (own === undefined) return;
    if (job.ownMs - own > WORTH_A_LOOK_MS) this.#look(busyMs);
    this.#running.delete(job);
  }

  #findQuota(busyMs: number): void {
    const isFirst = this.#quotaSeenMs < 0;
    this.#quotaSeenMs = performance.now();
    const hadQuota = this.#hasQuota;
    this.#hasQuota = this.#cgroup.read().cpuLimit !== undefined;
    if (isFirst || this.#hasQuota !== hadQuota) this.#last = this.#read(busyMs);
  }

  #read(busyMs: number) {
    const throttledMs = this.#hasQuota ? (this.#cgroup.read().throttledSeconds ?? 0) * 1e3 : 0;
    return { busyMs, cpuMs: (this.#threadCpu?.() ?? 0) * 1e3, throttledMs };
  }

  #look(busyMs: number): void {
    const now = this.#read(busyMs);
    const busy = now.busyMs - this.#last.busyMs;
    const lost = Math.max(0, busy - (now.cpuMs - this.#last.cpuMs));
    const throttled = Math.max(0, Math.min(lost, now.throttledMs - this.#last.throttledMs));
    for (const [job, own] of this.#running) {
      const share = (job.ownMs - own) / busy;
      job.offCpuMs = (job.offCpuMs ?? 0) + lost * share;
      if (job.throttledMs !== undefined) job.throttledMs += throttled * share;
      this.#running.set(job, job.ownMs);
    }
    this.#last = now;
  }
}
