import { performance } from "node:perf_hooks";
import { openCgroup } from "../../cgroup.ts";
import type { JobTime } from "./job_time.ts";
import { loopTiming } from "./loop_timing.ts";
import { openThreadCpu } from "./thread_cpu.ts";

/** Who has had the thread for less at a time was hardly throttled, ms: that would have made it longer. */
const WORTH_A_LOOK_MS = 5;
/** The clocks drift apart, by the CPU time that waiting for events takes: they are compared anew, ms. */
const LOOK_MS = 100;
/** How often it is looked whether there is a quota, ms. */
const QUOTA_MS = 10_000;

/**
 * How long jobs were off the CPU because the quota of the cgroup was used up. The kernel says how long, not when, so it is
 * an estimate: whenever somebody has had the thread for long, what the thread has lost since the last look is theirs. That
 * is the time in which it did not wait for events, less its CPU time, and no more than the kernel has counted as throttled.
 */
export class ThrottleEstimate {
  readonly #cgroup = openCgroup();
  readonly #threadCpu = openThreadCpu();
  #hasQuota = false;
  #quotaSeenMs = -QUOTA_MS;
  #last = { atMs: 0, activeMs: 0, cpuMs: 0, throttledMs: 0, periods: 0 };

  begin(job: JobTime): void {
    if (performance.now() - this.#quotaSeenMs > QUOTA_MS) this.#findQuota();
    if (this.#hasQuota) job.watchThrottling();
  }

  /** A job, or nobody, has had the thread for `elapsedMs` until `nowMs`. */
  booked(job: JobTime | undefined, elapsedMs: number, nowMs: number): void {
    if (!this.#hasQuota) return;
    if (elapsedMs < WORTH_A_LOOK_MS && nowMs - this.#last.atMs < LOOK_MS) return;
    const last = this.#last;
    this.#last = this.#read();
    const { activeMs, cpuMs, throttledMs, periods } = this.#last;
    const lost = Math.min(activeMs - last.activeMs - (cpuMs - last.cpuMs), throttledMs - last.throttledMs, elapsedMs);
    if (elapsedMs < WORTH_A_LOOK_MS || lost <= 0) return;
    job?.addThrottled({ fromMs: nowMs - elapsedMs, untilMs: nowMs, ms: lost, periods: periods - last.periods });
  }

  #findQuota(): void {
    this.#quotaSeenMs = performance.now();
    const hasQuota = this.#cgroup.read().cpuLimit !== undefined && this.#threadCpu !== undefined;
    if (hasQuota && !this.#hasQuota) this.#last = this.#read();
    this.#hasQuota = hasQuota;
  }

  #read() {
    const { throttledSeconds = 0, throttledPeriods = 0 } = this.#cgroup.readThrottling();
    const cpuMs = (this.#threadCpu?.() ?? 0) * 1e3;
    const atMs = performance.now();
    const activeMs = atMs - loopTiming().idleTime;
    return { atMs, activeMs, cpuMs, throttledMs: throttledSeconds * 1e3, periods: throttledPeriods };
  }
}
