import { setTimeout } from "node:timers/promises";
import type { JobRequest } from "../settings/job_requests.ts";
import { ask, bodyOf, DriveError, sendJob } from "./send_job.ts";

/** One job as its client saw it. */
export interface DrivenJob {
  id: string;
  state: "completed" | "failed";
  /** Why it failed. */
  error?: string;
  /** Sending the request to its answer, ms. */
  requestMs: number;
  /** Sending the request to the end of the job, ms. */
  totalMs: number;
}

export interface DriveOptions {
  /** @default {60_000} */
  timeoutMs?: number;
  signal: AbortSignal;
}

/** Between two looks at a job's state, in ms: at first, growing to the most. Each look is a trace of its own. */
const LOOK = { firstMs: 20, mostMs: 100 };

/**
 * Starts one job by its HTTP request and follows the `Location` of the answer until the job has ended.
 *
 * @throws {DriveError} when the request is refused, or the job has not ended after `timeoutMs`
 */
export async function driveJob(request: JobRequest, { timeoutMs = 60_000, signal }: DriveOptions): Promise<DrivenJob> {
  const began = performance.now();
  const { id, url, requestMs, ...sent } = await sendJob(request, signal);
  let { state } = sent;
  for (
    let pauseMs = LOOK.firstMs;
    performance.now() - began < timeoutMs;
    pauseMs = Math.min(LOOK.mostMs, pauseMs * 1.5)
  ) {
    const job = await bodyOf(await ask(url, signal));
    state = String(job.state);
    if (state === "completed" || state === "failed") {
      const failure = state === "failed" ? { error: String(job.error ?? "no reason given") } : {};
      return { id: String(job.id ?? id), state, ...failure, requestMs, totalMs: performance.now() - began };
    }
    await setTimeout(pauseMs, undefined, { signal });
  }
  throw new DriveError(`job ${id} was still ${state} after ${timeoutMs / 1000} s`);
}
