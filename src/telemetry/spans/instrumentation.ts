import { context, INVALID_SPAN_CONTEXT, type Meter, type Tracer, trace } from "@opentelemetry/api";
import type { Job } from "bullmq";
import type { Ledger } from "../ledger/ledger.ts";
import { contextOfJob } from "../ledger/owner.ts";
import { countActiveJobs } from "../metrics/active_jobs.ts";
import { JOB_RUN_MS, JOB_WAIT_MS } from "../names.ts";
import type { Attributes, Instrumentation } from "../stages.ts";
import { recordError } from "./errors.ts";
import { createQueueTelemetry } from "./queue_telemetry.ts";
import { backoffMs, type Requeued, RequeuedJobs } from "./requeue.ts";

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
  const queues = createQueueTelemetry(tracer, requeuedJobs);
  const jobs = countActiveJobs(meter);
  return {
    queueTelemetry: queues.telemetry,
    observeJob(job, run) {
      const requeued = requeuedJobs.take(job);
      const attempt = queues.attemptOf(job);
      const parent = attempt?.parent ?? (trace.getActiveSpan() ? context.active() : queues.contextOf(job));
      const span =
        attempt?.begin(waitOf(job, requeued)) ?? trace.getSpan(parent) ?? trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
      if (retryAs === "link" && requeued?.failed) span.addLink({ context: requeued.failed });
      const beganMs = performance.now();
      const end = () => {
        jobs.end();
        if (ledger) ledger.endJob(span);
        else span.setAttribute(JOB_RUN_MS, performance.now() - beganMs);
      };
      jobs.begin();
      ledger?.beginJob(span);
      return context.with(contextOfJob(job.name, trace.setSpan(parent, span)), () =>
        called(run).then(
          (result) => {
            end();
            return result;
          },
          (error) => {
            recordError(span, error);
            end();
            throw error;
          },
        ),
      );
    },
    stage: (name, run) =>
      tracer.startActiveSpan(name, async (span) => {
        try {
          return await run({ set: (attributes) => void span.setAttributes(attributes) });
        } catch (error) {
          recordError(span, error);
          throw error;
        } finally {
          span.end();
        }
      }),
  };
}

/** JavaScript may return no promise, or throw before it does. */
function called<T>(run: () => Promise<T>): Promise<T> {
  try {
    return Promise.resolve(run());
  } catch (error) {
    return Promise.reject(error);
  }
}

/** How long the job was ready before it started: from the enqueue, or from the instant at which it was put back. */
function waitOf(job: Job, requeued: Requeued | undefined): Attributes {
  if (job.processedOn === undefined) return {};
  const delayMs = requeued?.isDelayed ? backoffMs(job.opts.backoff, job.attemptsMade) : requeued ? 0 : job.opts.delay;
  if (job.attemptsStarted > 1 && (!requeued || delayMs === undefined)) return {}; // as after the death of its worker
  const waitMs = job.processedOn - (requeued?.atMs ?? job.timestamp) - (delayMs ?? 0);
  return { [JOB_WAIT_MS]: Math.max(0, waitMs) };
}
