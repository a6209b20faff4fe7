import type { Config } from "../settings/config.ts";
import { type Clues, gatherClues } from "../stack/hints.ts";
import type { Stack, Telemetry } from "../stack/stack.ts";
import { accountSpans } from "./account_spans.ts";
import { profilesArrived, spansArrived } from "./has_arrived.ts";
import type { Recording, RunContent } from "./run_folder.ts";
import { type FileMark, markEnd, rangesSince } from "./slice.ts";
import { readThrottling } from "./throttling.ts";

export interface Settling {
  config: Config;
  stack: Stack;
  telemetry: Telemetry;
}

export interface SettleOptions {
  /** Whether jobs may still run, whose spans are not awaited. */
  isBusy: boolean;
  signal: AbortSignal;
  /** The window that the work was done in; absent before it. */
  run?: Recording;
}

type NotMeasured = { what: string; reason: string }[];

/**
 * Waits until everything that the work before now has left has arrived: spans, and at the end of a window the profiles.
 * Returns where the metrics were before, and what the window held beside the load.
 */
export async function settle(
  settling: Settling,
  { isBusy, signal, run }: SettleOptions,
): Promise<{ metrics: FileMark; content: Omit<RunContent, "load" | "ended"> }> {
  const { config, stack, telemetry } = settling;
  const { files, refresh } = telemetry;
  const sinceMs = Date.now();
  const metrics = markEnd(files.metrics);
  const status = await stack.status();
  const clues = await gatherClues(stack, status);
  const waiting = { files, refresh, clues, sinceMs, isBusy, signal };
  const [hasSpans, hasProfiles] = await Promise.all([
    spansArrived(config, waiting),
    !run || profilesAbsent(settling, clues) !== undefined || profilesArrived(config, waiting),
  ]);
  const notMeasured: NotMeasured = [];
  const none = profilesAbsent(settling, clues);
  if (none) notMeasured.push({ what: "functions", reason: none });
  if (!hasProfiles)
    notMeasured.push({ what: "functions of the last seconds", reason: "their profile has not arrived" });
  if (!hasSpans) notMeasured.push({ what: "the last spans", reason: "some had not arrived when the run ended" });
  if (run && isGone(files.traces, run.marks.traces))
    notMeasured.push({ what: "the first spans", reason: "there were more than the collector's file holds" });

  const startMs = run?.startMs ?? sinceMs;
  const service = config.workerService;
  return {
    metrics,
    content: {
      store: stack.store,
      limits: status.worker?.limits ?? null,
      spanAccounting: await accountSpans(config, { files, refresh, clues, startMs, signal }),
      throttling: await readThrottling(rangesSince(files.metrics, run?.marks.metrics ?? metrics), {
        service,
        sinceMs: startMs,
      }),
      notMeasured,
    },
  };
}

/** Why there are no profiles; `undefined` when there are. */
function profilesAbsent({ config, telemetry }: Settling, clues: Clues[]): string | undefined {
  const isOff = clues.some(({ part, environment }) => part === "worker" && environment.PROFILING !== "on");
  if (!config.profiling || isOff) return "the worker runs with PROFILING=off";
  if (!telemetry.files.profiles) return "the profiles are in the Pyroscope server, not in files";
  return undefined;
}

/** Whether a file was rotated so often that its end at the mark is no longer there. */
function isGone(file: string, mark: FileMark): boolean {
  const [first] = rangesSince(file, mark);
  return mark.inode !== 0 && first?.path === file && markEnd(file).inode !== mark.inode;
}
