import { setTimeout } from "node:timers/promises";
import type { JobRequest } from "../config.ts";

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

/** The job could not be started, or nobody ended it. */
export class DriveError extends Error {
  override name = "DriveError";
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
  const response = await ask(request.url, signal, {
    method: request.method,
    ...(request.body === undefined ? {} : { body: request.body, headers: { "content-type": "application/json" } }),
  });
  const requestMs = performance.now() - began;
  const location = response.headers.get("location");
  const answer = await bodyOf(response);
  if (!response.ok)
    throw new DriveError(
      `${request.method} ${request.url} answered ${response.status}: ${answer.detail ?? answer.title ?? ""}`,
    );
  if (!location)
    throw new DriveError(`${request.method} ${request.url} answered ${response.status} without a Location to follow`);

  const url = new URL(location, request.url).href;
  let state = String(answer.state ?? "unknown");
  for (
    let pauseMs = LOOK.firstMs;
    performance.now() - began < timeoutMs;
    pauseMs = Math.min(LOOK.mostMs, pauseMs * 1.5)
  ) {
    const job = await bodyOf(await ask(url, signal));
    state = String(job.state);
    if (state === "completed" || state === "failed") {
      const failure = state === "failed" ? { error: String(job.error ?? "no reason given") } : {};
      return { id: String(job.id), state, ...failure, requestMs, totalMs: performance.now() - began };
    }
    await setTimeout(pauseMs, undefined, { signal });
  }
  throw new DriveError(`job ${answer.id ?? ""} was still ${state} after ${timeoutMs / 1000} s`);
}

async function ask(url: string, signal: AbortSignal, init: RequestInit = {}): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal });
  } catch (cause) {
    signal.throwIfAborted();
    const { message, cause: reason } = cause as Error & { cause?: Error };
    throw new DriveError(`${url} does not answer: ${reason?.message || message}`, { cause });
  }
}

async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  try {
    return (await response.json()) as Record<string, unknown>; // what is not an object has none of the fields
  } catch {
    return {};
  }
}
