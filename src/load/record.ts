import { type Application, type LoadRequests, serviceNames, serviceOf } from "../application/application.ts";
import type { LoadSummary } from "../load_summary.ts";
import { newestMetrics } from "../otlp/live_file.ts";
import { readPoints } from "../otlp/read_points.ts";
import { readWorkerFacts } from "../otlp/read_worker_facts.ts";
import { recordWindow } from "../recording/record_window.ts";
import { settleBefore, settleWindow } from "../recording/settle.ts";
import { whilePartsRun } from "../recording/while_parts_run.ts";
import { type LoadSettings, MOST_IN_FLIGHT } from "../settings/load.ts";
import type { RunPlace } from "../sources/open_run.ts";
import { endedPartsExplained } from "../stack/ended_parts.ts";
import type { Progress } from "../stack/protocol.ts";
import type { Telemetry } from "../stack/stack.ts";
import type { Wanted } from "../stack/wanted.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import { FailedError } from "../terminal/user_error.ts";
import { type Borrowed, borrowStack } from "./borrow_stack.ts";
import { showProgress } from "./progress.ts";
import { type Load, type LoadResult, runLoad } from "./run_load.ts";
import { ask } from "./send_job.ts";
import type { Tally } from "./tally.ts";
import { spansOf } from "./watch_spans.ts";

/** What was recorded. */
export interface RecordedLoad {
  run: RunPlace;
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
export async function recordLoad(given: Wanted, settings: LoadSettings, options: RecordOptions): Promise<RecordedLoad> {
  const requests = await requestsOf(given.application);
  return borrowStack(given, { ...options, limited: settings.limited }, async (borrowed) => {
    const telemetry = await borrowed.stack.telemetry();
    try {
      const concurrency = await concurrencyOf(borrowed.wanted, telemetry);
      return await record({ ...options, ...borrowed, telemetry, requests, concurrency }, settings);
    } finally {
      await telemetry.close();
    }
  });
}

interface Recorder extends RecordOptions, Borrowed {
  telemetry: Telemetry;
  requests: LoadRequests;
  /** Jobs that the worker runs at once. */
  concurrency: number;
}

async function requestsOf({ request, requests }: Application): Promise<LoadRequests> {
  return (await requests?.()) ?? { requests: [request], what: `${request.method} ${shownUrl(request.url)}` };
}

/** By what the worker has sent of itself; as it was told where nothing has arrived. */
async function concurrencyOf({ application }: Wanted, { files, refresh }: Telemetry): Promise<number> {
  await refresh();
  const origin = { service: serviceNames(application).worker };
  const { concurrency } = await readWorkerFacts(readPoints(newestMetrics(files.metrics)), origin);
  return concurrency ?? serviceOf(application, "worker")?.concurrency?.value ?? 1;
}

async function record(recorder: Recorder, settings: LoadSettings): Promise<RecordedLoad> {
  const { wanted, telemetry, requests, concurrency, say, signal } = recorder;
  await requireHealth(wanted.application.healthUrl, signal);
  const twice = Math.min(2 * concurrency, MOST_IN_FLIGHT);
  const load = { ...settings, inFlight: settings.inFlight ?? twice };
  const longestMs = await warmUp(recorder, settings.warmup ?? twice, load.inFlight);
  const before = await settleBefore(recorder, signal);
  const patienceMs = Math.max(PATIENCE.leastMs, PATIENCE.times * longestMs);
  const { run, worked } = await recordWindow(wanted, {
    files: telemetry.files,
    metrics: before.metrics,
    say,
    async work() {
      say(`recording ${requests.what}`);
      const begin = new Date().toISOString();
      const { cutOff, ...driven } = await whilePartsRun(recorder, (until) =>
        drive(recorder, load, { patienceMs, signal: until }),
      );
      const end = new Date().toISOString();
      if (!signal.aborted) return { begin, end, ...driven, cutOff };
      const summary = { ...driven.summary, interrupted: true as const };
      return { begin, end, ...driven, summary, cutOff: cutOff && endedBy(cutOff) };
    },
    async settle(window, load) {
      say("waiting for what the last jobs have left");
      const isBusy = load.summary.unfinished > 0;
      // An interrupted load keeps what there is; a second interrupt ends this process.
      const uninterrupted = new AbortController().signal;
      const content = await settleWindow(recorder, window, { before, isBusy, signal: uninterrupted });
      return { ...content, load: { kind: "bottlenecks", ...load } };
    },
  });
  const { summary, cutOff } = worked;
  return { run, load: summary, ...(cutOff === undefined ? {} : { cutOff }) };
}

/** The longest of its jobs, in ms. */
async function warmUp(recorder: Recorder, jobs: number, inFlight: number): Promise<number> {
  const { stack, say, signal } = recorder;
  if (jobs === 0) return 0;
  say(`warming up: ${jobs} ${jobs === 1 ? "job" : "jobs"}`);
  const load = { jobs, inFlight, ratePerSecond: undefined, durationMs: undefined };
  const { summary, cutOff, failures } = await whilePartsRun(recorder, (until) =>
    drive(recorder, load, { patienceMs: WARMUP_MS, signal: until }),
  );
  signal.throwIfAborted();
  if (summary.total) return summary.total.max;
  const [ended = cutOff] = await endedPartsExplained(stack);
  const reason = [ended, ...failures.slice(0, MOST_REASONS).map((each) => each.reason)].filter(Boolean).join("; ");
  throw new FailedError(`no job of the warm-up was completed, of ${jobs}: ${reason}`, {
    next: stack.outputCommand("worker"),
  });
}

async function drive(
  { stack, telemetry, requests, concurrency, say, rewrite }: Recorder,
  load: Load,
  options: { patienceMs: number; signal: AbortSignal },
): Promise<LoadResult> {
  const spans = await spansOf(stack, telemetry);
  const over = new AbortController();
  const onBegin = (tally: Tally) => void showProgress(tally, { load, say, rewrite, signal: over.signal });
  try {
    return await runLoad(load, { ...requests, ...options, spans, concurrency, onBegin });
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
