import { setTimeout } from "node:timers/promises";
import type { LoadSettings } from "../settings/load.ts";
import type { Tally } from "./tally.ts";

export interface ProgressOptions {
  load: Planned;
  say: (line: string) => void;
  /** On a terminal: rewrites the last line. */
  rewrite: ((line: string) => void) | undefined;
  signal: AbortSignal;
}

/** Between two lines in ms: where one is rewritten, and where each stays. */
const EVERY_MS = { rewritten: 250, kept: 5_000 };

/** Shows how a load goes on until the signal. */
export async function showProgress(tally: Tally, { load, say, rewrite, signal }: ProgressOptions): Promise<void> {
  const show = rewrite ?? say;
  for (;;) {
    await setTimeout(rewrite ? EVERY_MS.rewritten : EVERY_MS.kept, undefined, { signal, ref: false }).catch(() => {});
    if (signal.aborted) return rewrite?.("");
    show(progressLine(tally, load));
  }
}

/** As `12 s   31 of 60 done   1 failed   8 under way   2.6 a second   about 11 s left`. */
export function progressLine(
  { elapsedMs, sent, failed, inFlight, throughputPerSecond }: Progressed,
  { jobs, durationMs, ratePerSecond }: Planned,
): string {
  const done = sent - inFlight;
  const parts = [`${(elapsedMs / 1_000).toFixed(0)} s`, `${jobs === undefined ? done : `${done} of ${jobs}`} done`];
  if (failed > 0) parts.push(`${failed} failed`);
  parts.push(`${inFlight} under way`, `${throughputPerSecond.toFixed(1)} a second`);
  const perMs = throughputPerSecond / 1_000;
  // Unknown until a job has ended. A rate is not exceeded, a duration neither, and then those under way have to end.
  const byJobs =
    jobs === undefined
      ? Number.POSITIVE_INFINITY
      : (jobs - done) / Math.min(perMs, (ratePerSecond ?? Infinity) / 1_000);
  const byDuration =
    durationMs === undefined ? Number.POSITIVE_INFINITY : Math.max(durationMs - elapsedMs, 0) + inFlight / perMs;
  const leftMs = Math.min(byJobs, byDuration);
  if (Number.isFinite(leftMs)) parts.push(`about ${Math.ceil(leftMs / 1_000)} s left`);
  return parts.join("   ");
}

type Planned = Pick<LoadSettings, "jobs" | "durationMs" | "ratePerSecond">;
type Progressed = Pick<Tally, "elapsedMs" | "sent" | "failed" | "inFlight" | "throughputPerSecond">;
