import type { Config } from "../settings/config.ts";
import { type Clues, whyNoCounts } from "../stack/hints.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import type { TelemetryFiles } from "./run_folder.ts";
import { newestMetrics } from "./slice.ts";
import { countSpans, type SpanAccounting, type SpanCounts } from "./span_counts.ts";

export interface AccountOptions {
  files: TelemetryFiles;
  /** Brings the files up to date. */
  refresh: () => Promise<void>;
  clues: Clues[];
  /** When the window began, Unix time. */
  startMs: number;
  signal: AbortSignal;
}

/** A process that has just begun sends its first counts within this, in ms. */
const FIRST_COUNTS_MS = 3_000;

/**
 * The spans that the services have created and lost so far, from the counts that have arrived. It waits only for a
 * process that has just begun or is late, so the last second may be missing.
 */
export async function accountSpans(
  config: Config,
  { files, refresh, clues, startMs, signal }: AccountOptions,
): Promise<SpanAccounting> {
  const intervals = clues.map(({ environment }) => Number(environment.OTEL_METRIC_EXPORT_INTERVAL) || 60_000);
  // A process that runs has sent counts in the interval before the window, one that ended before has not.
  const sinceMs = startMs - Math.max(...intervals);
  const services = { api: config.apiService, worker: config.workerService };
  const expected = clues.map((each) => ({ service: services[each.part], ...whyNoCounts(each) }));
  const comes = expected.filter(({ never }) => !never);
  let counts: Record<string, SpanCounts> = {};
  const look = async () => {
    await refresh();
    counts = await countSpans(newestMetrics(files.metrics), sinceMs);
    // Counts without a span are older than the job.
    return comes.every(({ service }) => counts[service]?.created) || undefined;
  };
  try {
    await waitFor(look, "the counts of spans", { timeoutMs: FIRST_COUNTS_MS, everyMs: 25, signal });
  } catch (error) {
    if (!(error instanceof WaitTimeoutError)) throw error;
  }
  const accounting: SpanAccounting = counts;
  for (const { service, reason } of expected) accounting[service] ??= { notMeasured: reason };
  return accounting;
}
