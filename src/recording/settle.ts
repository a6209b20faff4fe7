import { serviceNames } from "../application/application.ts";
import { type FileMark, markEnd, newestMetrics, rangesSince } from "../otlp/live_file.ts";
import { endedPartsExplained } from "../stack/ended_parts.ts";
import { type Clues, gatherClues } from "../stack/hints.ts";
import type { Stack, Telemetry } from "../stack/stack.ts";
import type { Wanted } from "../stack/wanted.ts";
import { accountSpans, profilesArrived, spansArrived } from "./arrivals.ts";
import type { Recording, RunContent } from "./run_folder.ts";
import { lostSince, type SpanAccounting } from "./span_counts.ts";
import { readThrottling } from "./throttling.ts";

export interface Settling {
  wanted: Pick<Wanted, "application" | "profiling">;
  stack: Stack;
  telemetry: Telemetry;
}

/** How things were before a window. */
export interface Before {
  /** Where the metrics were, with a point of each process behind it. */
  metrics: FileMark;
  spanAccounting: SpanAccounting;
}

export interface WindowOptions {
  /** How things were before it. Without it nothing of the work is awaited, and it is not known how many spans were lost. */
  before?: Before;
  /** Whether jobs may still run, whose spans are not awaited. */
  isBusy?: boolean;
  signal: AbortSignal;
}

/** Waits until the spans that were made before now have arrived. */
export async function settleBefore(settling: Settling, signal: AbortSignal): Promise<Before> {
  const { telemetry, stack, wanted } = settling;
  const { files, refresh } = telemetry;
  const sinceMs = Date.now();
  const metrics = markEnd(files.metrics);
  const clues = await gatherClues(stack, await stack.status());
  const waiting = { files, refresh, services: serviceNames(wanted.application), clues, sinceMs, signal };
  await spansArrived({ ...waiting, isBusy: false });
  return { metrics, spanAccounting: await accountSpans(waiting) };
}

/** Waits until spans and profiles of the work in a window have arrived, and says what the window held beside the load. */
export async function settleWindow(
  settling: Settling,
  run: Recording,
  { before, isBusy = false, signal }: WindowOptions,
): Promise<Omit<RunContent, "load">> {
  const { wanted, stack, telemetry } = settling;
  const { files, refresh } = telemetry;
  const status = await stack.status();
  const clues = await gatherClues(stack, status);
  const waiting = { files, refresh, services: serviceNames(wanted.application), clues, sinceMs: Date.now(), signal };
  const none = profilesAbsent(settling, clues);
  const [hasSpans, hasProfiles] = before
    ? await Promise.all([spansArrived({ ...waiting, isBusy }), none !== undefined || profilesArrived(waiting)])
    : [true, true];
  const spanAccounting = await accountSpans({ ...waiting, sinceMs: run.startMs });
  const metrics = before ? rangesSince(files.metrics, before.metrics) : newestMetrics(files.metrics);
  return {
    store: stack.store,
    limits: status.worker?.limits ?? null,
    spanAccounting,
    ...(before ? { lostSpans: lostSince(before.spanAccounting, spanAccounting) } : {}),
    throttling: await readThrottling(metrics, {
      service: serviceNames(wanted.application).worker,
      sinceMs: run.startMs,
    }),
    ended: await endedPartsExplained(stack),
    notMeasured: [
      ...(none ? [{ what: "functions", reason: none }] : []),
      ...(hasProfiles ? [] : [{ what: "functions of the last seconds", reason: "their profile has not arrived" }]),
      ...(hasSpans ? [] : [{ what: "the last spans", reason: "some had not arrived when the run ended" }]),
      ...(isGone(files.traces, run.marks.traces)
        ? [{ what: "the first spans", reason: "there were more than the collector's file holds" }]
        : []),
    ],
  };
}

/** Why there are no profiles; `undefined` when there are. */
function profilesAbsent({ wanted, telemetry }: Settling, clues: Clues[]): string | undefined {
  const isOff = clues.some(({ part, environment }) => part === "worker" && environment.PROFILING !== "on");
  if (!wanted.profiling || isOff) return "the worker runs with PROFILING=off";
  if (!telemetry.files.profiles) return "the profiles are in the Pyroscope server, not in files";
  return undefined;
}

/** Whether a file was rotated so often that its end at the mark is no longer there. */
function isGone(file: string, mark: FileMark): boolean {
  const [first] = rangesSince(file, mark);
  return mark.inode !== 0 && first?.path === file && markEnd(file).inode !== mark.inode;
}
