import type { LoadSummary } from "../load_summary.ts";
import { beginRun, endRun } from "../recording/run_folder.ts";
import { settle } from "../recording/settle.ts";
import { lostSince } from "../recording/span_counts.ts";
import type { Config } from "../settings/config.ts";
import type { LoadSettings } from "../settings/load.ts";
import { endedPartsExplained } from "../stack/ended_parts.ts";
import type { Progress } from "../stack/protocol.ts";
import type { Telemetry } from "../stack/stack.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import { FailedError } from "../terminal/user_error.ts";
import { type Borrowed, borrowStack } from "./borrow_stack.ts";
import { showProgress } from "./progress.ts";
import { type LoadRequests, loadRequests } from "./review_requests.ts";
import { type LoadResult, runLoad } from "./run_load.ts";
import { ask } from "./send_job.ts";
import type { Tally } from "./tally.ts";
import { whilePartsRun } from "./while_parts_run.ts";

/** What was recorded. */
export interface Recorded {
  /** Of the run. */
  folder: string;
  load: LoadSummary;
  /** Why the load is not whole. */
  cutOff?: string;
}

export interface RecordOptions extends Progress {
  /** On a terminal: rewrites the last line. */
  rewrite?: ((line: string) => void) | undefined;
}

/** A job of the warm-up may take so long, in ms. */
const WARMUP_MS = 300_000;
const MOST_REASONS = 3;
/** The load is not given up before so long without the end of a job, in ms, or so many times the longest of the warm-up. */
const PATIENCE = { leastMs: 60_000, times: 5 };

/**
 * Records a run under load: warm-up, then the window with the jobs that count, until everything that they have left has
 * arrived. When the signal aborts, the load ends and what there is is kept. The stack is left as it was found.
 *
 * @throws {UserError} when there is nothing to record: no stack, no repository
 * @throws {FailedError} when the API is not healthy, or no job of the warm-up was completed
 * @throws the signal's reason when it aborts before the window
 */
export async function recordLoad(given: Config, options: RecordOptions): Promise<Recorded> {
  const requests = await loadRequests(given);
  return borrowStack(given, options, async (borrowed) => {
    const telemetry = await borrowed.stack.telemetry();
    try {
      return await record({ ...options, ...borrowed, telemetry, requests });
    } finally {
      await telemetry.close();
    }
  });
}

interface Recorder extends RecordOptions, Borrowed {
  telemetry: Telemetry;
  requests: LoadRequests;
}

async function record(recorder: Recorder): Promise<Recorded> {
  const { config, telemetry, requests, say, signal } = recorder;
  await requireHealth(config.healthUrl, signal);
  const longestMs = await warmUp(recorder);
  const before = await settle(recorder, { isBusy: false, signal });

  const run = beginRun(telemetry.files);
  run.marks.metrics = before.metrics; // with a point of each process before the window, where its counters begin
  say(`recording ${requests.what}`);
  const begin = new Date();
  const driven = await whilePartsRun(recorder, (until) =>
    drive(recorder, config.load, { patienceMs: Math.max(PATIENCE.leastMs, PATIENCE.times * longestMs), signal: until }),
  );
  const end = new Date();
  const isInterrupted = signal.aborted;
  const { cutOff: reason, ...jobs } = driven;
  const cutOff = reason && isInterrupted ? endedBy(reason) : reason;
  const summary: LoadSummary = { ...driven.summary, ...(isInterrupted ? { interrupted: true } : {}) };
  say("waiting for what the last jobs have left");
  // Who interrupts the load wants what there is; who does it twice ends this process.
  const after = await settle(recorder, { isBusy: summary.unfinished > 0, signal: new AbortController().signal, run });
  const times = { begin: begin.toISOString(), end: end.toISOString() };
  const content = {
    ...after.content,
    ended: await endedPartsExplained(recorder.stack),
    lostSpans: lostSince(before.content.spanAccounting, after.content.spanAccounting),
    load: { kind: "bottlenecks", ...times, cutOff, ...jobs, summary },
  };
  const folder = await endRun(config, telemetry.files, run, content, say);
  return { folder, load: summary, ...(cutOff === undefined ? {} : { cutOff }) };
}

/** The longest of its jobs, in ms. */
async function warmUp(recorder: Recorder): Promise<number> {
  const { config, stack, say, signal } = recorder;
  const { warmup, inFlight } = config.load;
  if (warmup === 0) return 0;
  say(`warming up: ${warmup} ${warmup === 1 ? "job" : "jobs"}`);
  const settings = { jobs: warmup, inFlight, warmup: 0, ratePerSecond: undefined, durationMs: undefined };
  const { summary, cutOff, failures } = await whilePartsRun(recorder, (until) =>
    drive(recorder, settings, { patienceMs: WARMUP_MS, signal: until }),
  );
  signal.throwIfAborted();
  if (summary.total) return summary.total.max;
  const [ended = cutOff] = await endedPartsExplained(stack);
  const reason = [ended, ...failures.slice(0, MOST_REASONS).map((each) => each.reason)].filter(Boolean).join("; ");
  throw new FailedError(`no job of the warm-up was completed, of ${warmup}: ${reason}`, {
    next: stack.outputCommand("worker"),
  });
}

async function drive(
  { config, requests, say, rewrite }: Recorder,
  settings: LoadSettings,
  options: { patienceMs: number; signal: AbortSignal },
): Promise<LoadResult> {
  const over = new AbortController();
  const onBegin = (tally: Tally) => void showProgress(tally, { settings, say, rewrite, signal: over.signal });
  try {
    return await runLoad(settings, { ...requests, ...options, concurrency: config.workerConcurrency, onBegin });
  } finally {
    over.abort();
  }
}

/** Why a load was interrupted, as it stands in a report. */
function endedBy(reason: string): string {
  return reason.replace(/^Interrupted( by)?/, "ended$1").replace("by SIGINT", "by Ctrl-C");
}

/** @throws {FailedError} when it does not answer 200 */
async function requireHealth(url: string, signal: AbortSignal): Promise<void> {
  const response = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(5_000)])).catch((error: Error) => error);
  signal.throwIfAborted();
  if (!(response instanceof Error)) await response.body?.cancel();
  if (!(response instanceof Error) && response.ok) return;
  const answer = response instanceof Error ? response.message : `it answered ${response.status}`;
  throw new FailedError(`no load was sent: 200 of ${shownUrl(url)} is wanted, ${answer}`, { next: "make verify" });
}
