import { type Meter, type Span, type Tracer, trace } from "@opentelemetry/api";
import type { Job } from "bullmq";
import { countActiveJobs } from "./active_jobs.ts";
import { JOB_WAIT_MS } from "./attributes.ts";
import { recordError } from "./errors.ts";
import { runAsJob } from "./owner.ts";
import { createQueueTelemetry } from "./queue_telemetry.ts";
import type { Instrumentation } from "./stages.ts";

/** What `stages.ts` offers the application, on a tracer and a meter. */
export function createInstrumentation(tracer: Tracer, meter: Meter): Instrumentation {
  const countJob = countActiveJobs(meter);
  return {
    queueTelemetry: createQueueTelemetry(tracer),
    observeJob: (job, run) =>
      countJob(() => {
        const span = trace.getActiveSpan();
        if (!span) return run();
        setWait(span, job);
        return recordingErrors(span, () => runAsJob(job.name, run));
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

function setWait(span: Span, job: Job): void {
  if (job.attemptsStarted > 1 || job.processedOn === undefined) return;
  const waitMs = job.processedOn - job.timestamp - (job.opts.delay ?? 0);
  span.setAttribute(JOB_WAIT_MS, Math.max(0, waitMs));
}

async function recordingErrors<T>(span: Span, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    recordError(span, error);
    throw error;
  }
}
