import { openCgroup } from "./cgroup.ts";
import { mainThreadCpuSeconds } from "./cpu_metrics.ts";
import type { JobTime } from "./job_time.ts";

/** A job that has had the thread for less since the last look hardly was throttled, ms. */
const WORTH_A_LOOK_MS = 5;
/** How often it is looked whether there is a quota, ms. */
const QUOTA_MS = 10_000;

/**
 * How long jobs were off the CPU because the quota of the cgroup was used up. The kernel does not say when, so it is an
 * estimate: what the thread lost between two looks (JavaScript by the wall clock less the thread's CPU time, and no more
 * than the kernel has counted as throttled) is shared among the jobs by the time that each had the thread.
 */
export class ThrottleEstimate {
  readonly #cgroup = openCgroup();
  readonly #running = new Map<JobTime, number>(); // with its own time at the last look
  #hasQuota = false;
  #quotaSeenMs = -QUOTA_MS;
  #last = { busyMs: 0, cpuMs: 0, throttledMs: 0 };

  begin(job: JobTime, busyMs: number): void {
    if (performance.now() - this.#quotaSeenMs > QUOTA_MS) this.#findQuota(busyMs);
    if (!this.#hasQuota) return;
    job.throttledMs = 0;
    this.#running.set(job, 0);
  }

  end(job: JobTime, busyMs: number): void {
    const own = this.#running.get(job);
    if (own === undefined) return;
    if (job.ownMs - own > WORTH_A_LOOK_MS) this.#look(busyMs);
    this.#running.delete(job);
  }

  #findQuota(busyMs: number): void {
    this.#quotaSeenMs = performance.now();
    const hasQuota = this.#cgroup.read().cpuLimit !== undefined && mainThreadCpuSeconds() !== undefined;
    if (hasQuota && !this.#hasQuota) this.#last = this.#read(busyMs);
    this.#hasQuota = hasQuota;
  }

  #read(busyMs: number) {
    const throttledMs = (this.#cgroup.read().throttledSeconds ?? 0) * 1e3;
    return { busyMs, cpuMs: (mainThreadCpuSeconds() ?? 0) * 1e3, throttledMs };
  }

  #look(busyMs: number): void {
    const now = this.#read(busyMs);
    const busy = now.busyMs - this.#last.busyMs;
    const lost = Math.min(busy - (now.cpuMs - this.#last.cpuMs), now.throttledMs - this.#last.throttledMs);
    for (const [job, own] of this.#running) {
      if (lost > 0) job.throttledMs = (job.throttledMs ?? 0) + (lost * (job.ownMs - own)) / busy;
      this.#running.set(job, job.ownMs);
    }
    this.#last = now;
  }
}
