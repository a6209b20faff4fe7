import { type Meter, type Span, type Tracer, trace } from "@opentelemetry/api";
import type { Job } from "bullmq";
import { countActiveJobs } from "./active_jobs.ts";
import { JOB_RUN_MS, JOB_WAIT_MS } from "./attributes.ts";
import { recordError } from "./errors.ts";
import type { Ledger } from "./ledger.ts";
import { createQueueTelemetry } from "./queue_telemetry.ts";
import { backoffMs, type Requeued, RequeuedJobs } from "./requeue.ts";
import type { Instrumentation } from "./stages.ts";

export interface InstrumentationOptions {
  meter: Meter;
  /** Where the time of jobs is booked; without one only how long they ran is measured. */
  ledger: Ledger | undefined;
  /**
   * How the job span of a retry refers to the attempts before: all have the enqueue as their parent, or it has a link to
   * the last one besides. @default {"parent"}
   */
  retryAs?: "parent" | "link" | undefined;
}

/** What `stages.ts` offers the application, on a tracer, a meter and a ledger. */
export function createInstrumentation(
  tracer: Tracer,
  { meter, ledger, retryAs }: InstrumentationOptions,
): Instrumentation {
  const requeuedJobs = new RequeuedJobs();
  const countJob = countActiveJobs(meter);
  return {
    queueTelemetry: createQueueTelemetry(tracer, requeuedJobs),
    observeJob: (job, run) =>
      countJob(() => {
        const span = trace.getActiveSpan();
        if (!span) return run();
        const requeued = requeuedJobs.take(String(job.id));
        setWait(span, job, requeued);
        if (retryAs === "link" && requeued?.failed) span.addLink({ context: requeued.failed });
        return recordingErrors(span, () => (ledger ? ledger.book(span, run) : recordingRun(span, run)));
      }),
    stage: (name, run) =>
      tracer.startActiveSpan(name, async (span) => {
        try {
          return await recordingErrors(span, () => run({ set: (attributes) => void span.setAttributes(attributes) }));
        } finally {
          span.end();
        }
      }),
  };
}

/** How long the job was ready before it started: from the enqueue, or from the instant at which it was put back. */
function setWait(span: Span, job: Job, requeued: Requeued | undefined): void {
  if (job.processedOn === undefined) return;
  const delayMs = requeued?.isDelayed ? backoffMs(job.opts.backoff, job.attemptsMade) : requeued ? 0 : job.opts.delay;
  if (job.attemptsStarted > 1 && (!requeued || delayMs === undefined)) return; // as after the death of its worker
  const waitMs = job.processedOn - (requeued?.atMs ?? job.timestamp) - (delayMs ?? 0);
  span.setAttribute(JOB_WAIT_MS, Math.max(0, waitMs));
}

async function recordingRun<T>(span: Span, run: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await run();
  } finally {
    span.setAttribute(JOB_RUN_MS, performance.now() - began);
  }
}

async function recordingErrors<T>(span: Span, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    recordError(span, error);
    throw error;
  }
}
