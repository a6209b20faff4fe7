import { PerformanceObserver, performance } from "node:perf_hooks";
import { type Context, type Span, trace } from "@opentelemetry/api";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import * as names from "../names.ts";
import { JobTime, readClocks } from "./job_time.ts";
import { OffCpu } from "./off_cpu.ts";
import type { ThreadWatch } from "./owner.ts";
import { Readiness } from "./readiness.ts";
import type { Owner } from "./thread_history.ts";
import { ThreadTime } from "./thread_time.ts";
import { ThrottleEstimate } from "./throttle_estimate.ts";

/** Books the main thread's time to spans and jobs. */
export interface Ledger extends ThreadWatch {
  /** Gives every span its own time, and job spans their parts, as attributes. */
  spanProcessor: SpanProcessor;
  /** The processor of the job begins, whose span is active. */
  beginJob(span: Span): void;
  /** It has returned. */
  endJob(span: Span): void;
}

/** What runs for no span. */
const nobody: Owner = { ownMs: 0, job: undefined };

const OWNER = Symbol("prodlike.owner");
/** Spans and contexts carry their owner: a `WeakMap` would cost more than the rest of a switch. */
type Owned = { [OWNER]?: Owner | undefined };

/** Makes the ledger of this process, which the context manager tells of every change. Not on Deno, whose hooks see no context. */
export function startLedger(): Ledger {
  const readiness = new Readiness();
  const throttling = new ThrottleEstimate();
  const onReturn = (job: JobTime, nowMs: number) => {
    const { sureFromMs, sureUntilMs, possibleFromMs } = readiness.ofReturn(job, nowMs);
    const { history } = time;
    if (sureUntilMs > sureFromMs) job.blockedMs += history.busyAt(sureUntilMs) - history.busyAt(sureFromMs);
    job.blockedMaxMs += Math.max(0, time.busyMs - history.busyAt(possibleFromMs));
  };
  const time = new ThreadTime(onReturn, (job, elapsedMs, nowMs) => throttling.booked(job, elapsedMs, nowMs));
  const offCpu = new OffCpu();
  watchGarbage(time);
  return {
    begin(resource, context, nowMs, leftMs) {
      time.leave(leftMs);
      readiness.begin(resource, ownerOf(context), nowMs);
    },
    switchTo: (context, nowMs) => time.switchTo(ownerOf(context), nowMs),
    spanProcessor: {
      onStart(span, parent) {
        (span as Owned)[OWNER] = { ownMs: 0, job: ownerOf(parent).job };
      },
      onEnding(span) {
        const owner = (span as Owned)[OWNER];
        if (!owner) return;
        if (owner === time.owner) time.book();
        span.setAttribute(names.SPAN_CPU_MS, round(owner.ownMs));
        const parts = owner.isJob && owner.job?.parts();
        if (!parts) return;
        span.setAttribute(names.JOB_RUN_MS, round(parts.run));
        span.setAttribute(names.JOB_CPU_MS, round(parts.cpu));
        span.setAttribute(names.JOB_GC_MS, round(parts.gc));
        if (parts.throttled !== undefined) span.setAttribute(names.JOB_THROTTLED_MS, round(parts.throttled));
        if (parts.offCpu !== undefined) span.setAttribute(names.JOB_OFF_CPU_MS, round(parts.offCpu));
        span.setAttribute(names.JOB_BLOCKED_MS, round(parts.blocked));
        span.setAttribute(names.JOB_BLOCKED_MAX_MS, round(parts.blockedMax));
        span.setAttribute(names.JOB_OVERLAPPED_MS, round(parts.overlapped));
        span.setAttribute(names.JOB_IDLE_MS, round(parts.idle));
        span.setAttribute(names.JOB_UNEXPLAINED_MS, round(parts.unexplained));
      },
      onEnd: () => {},
      forceFlush: async () => {},
      shutdown: async () => {},
    },
    beginJob(span) {
      const owner = (span as Owned)[OWNER];
      if (!owner) return; // not recorded
      const nowMs = performance.now();
      time.book(nowMs);
      owner.job = new JobTime(readClocks(time.busyMs, nowMs));
      owner.isJob = true;
      throttling.begin(owner.job);
      offCpu.begin(owner.job);
    },
    endJob(span) {
      const job = (span as Owned)[OWNER]?.job;
      if (!job) return;
      const nowMs = performance.now();
      time.book(nowMs);
      offCpu.end(job, time.busyMs);
      job.end(readClocks(time.busyMs, nowMs));
    },
  };
}

function ownerOf(context: Context): Owner {
  const owned = context as Owned;
  owned[OWNER] ??= (trace.getSpan(context) as Owned | undefined)?.[OWNER] ?? nobody;
  return owned[OWNER];
}

/** Books pauses for garbage to the jobs in whose JavaScript they fell. */
function watchGarbage(time: ThreadTime): void {
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      time.history.ownerAt(startTime)?.job?.addPause(startTime, duration);
    }
  }).observe({ entryTypes: ["gc"] });
}

/** To whole microseconds. */
function round(ms: number): number {
  return Math.round(ms * 1e3) / 1e3;
}
