import type { LoadSummary } from "../load_summary.ts";
import * as names from "../telemetry/names.ts";
import type { Flames } from "./flames.ts";
import type { JobTypeFacts } from "./job_type.ts";
import type { Jobs } from "./jobs.ts";
import type { RunDescription } from "./run_description.ts";
import { limit } from "./thresholds.ts";
import type { WorkerMetrics } from "./worker_metrics.ts";

/** Everything that the findings rest on. */
export interface Facts {
  /** Those with the most time first, by the name that is shown. */
  types: [string, JobTypeFacts][];
  jobs: Jobs;
  metrics: WorkerMetrics;
  flames: Flames;
  description: RunDescription;
  load: LoadSummary | undefined;
  capacity: Capacity;
}

/** The worker as a queueing system: slots (its concurrency) in front of one thread a process. ms are means of an attempt. */
export interface Capacity {
  attempts: number;
  windowMs: number;
  processes: number;
  /** Slots of a process, as it has sent them; where it has not, the most that was seen. */
  concurrency: number;
  isConcurrencyKnown: boolean;
  throughputPerSecond: number;
  totalMs: number;
  waitMs: number;
  /** The job span: as long as an attempt has a slot. */
  slotMs: number;
  runMs: number;
  blockedMs: number;
  /** Its own JavaScript, pauses among it; `undefined` without a ledger. */
  ownMs: number | undefined;
  /** Time of the thread that it took, with what is booked to nobody; `undefined` where neither is known. */
  threadMs: number | undefined;
  /** Share of the time in which the threads were busy. */
  utilization: number | undefined;
  /** Share of the slots that were in use. */
  slotUse: number;
  isWaiting: boolean;
  /** What jobs queue for; `undefined`: nothing is used up. */
  bottleneck: "thread" | "slots" | undefined;
}

/** The sum of a part over all types. */
export function sumOf(types: Facts["types"], part: Parameters<JobTypeFacts["sum"]>[0]): number {
  return types.reduce((total, [, facts]) => total + (facts.sum(part) ?? 0), 0);
}

/** Works out the worker's capacity from what was seen of it. */
export function capacityOf({
  types,
  jobs,
  metrics,
  description,
}: Omit<Facts, "capacity" | "flames" | "load">): Capacity {
  const attempts = jobs.count;
  const each = (ms: number) => (attempts ? ms / attempts : 0);
  const { windowMs } = jobs;
  const processes = Math.max(1, jobs.processes.size);
  const known = metrics.newest(names.WORKER_CONCURRENCY) ?? description.concurrency ?? jobs.concurrency;
  const concurrency = Math.max(1, known ?? Math.max(metrics.most(names.ACTIVE_JOBS) ?? 0, jobs.lanes.mostAtOnce));
  const hasLedger = types.some(([, { withLedger }]) => withLedger > 0);
  const ownMs = hasLedger ? each(types.reduce((total, [, facts]) => total + facts.ownMs, 0)) : undefined;
  const active = metrics.change(names.EVENT_LOOP_TIME, "active");
  const idle = metrics.change(names.EVENT_LOOP_TIME, "idle");
  const isMeasured = active !== undefined && idle !== undefined && active + idle > 0;
  const ownShare = ownMs === undefined || windowMs === 0 ? undefined : (ownMs * attempts) / (windowMs * processes);
  const utilization = isMeasured ? active / (active + idle) : ownShare && Math.min(1, ownShare);
  const threadMs = isMeasured ? Math.max(ownMs ?? 0, each((active / (active + idle)) * windowMs * processes)) : ownMs;
  const slotMs = each(types.reduce((total, [, facts]) => total + facts.spanMs, 0));
  const runMs = each(sumOf(types, "run"));
  const waitMs = each(sumOf(types, "wait"));
  const totalMs = each(sumOf(types, "total"));
  const blockedMs = each(sumOf(types, "blocked"));
  const slotUse = windowMs ? (slotMs * attempts) / (windowMs * processes * concurrency) : 0;
  const isWaiting = waitMs >= limit("waitingMs") && waitMs >= limit("waiting") * totalMs;
  const isThreadWanted = isWaiting || blockedMs >= limit("blockedOfRun") * runMs;
  const bottleneck =
    (utilization ?? 0) >= limit("threadSaturated") && isThreadWanted
      ? "thread"
      : isWaiting && slotUse >= limit("slotsSaturated")
        ? "slots"
        : undefined;
  return {
    ...{ attempts, windowMs, processes, concurrency, isConcurrencyKnown: known !== undefined },
    throughputPerSecond: windowMs ? (attempts * 1e3) / windowMs : 0,
    ...{ totalMs, waitMs, slotMs, runMs, blockedMs, ownMs, threadMs, utilization, slotUse, isWaiting, bottleneck },
  };
}
