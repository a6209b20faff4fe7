import type { Config } from "../config.ts";
import type { TelemetryFiles } from "../runs/run_folder.ts";
import { newestMetrics } from "../runs/slice.ts";
import { countSpans, type SpanAccounting, type SpanCounts } from "../runs/span_counts.ts";
import type { Stack } from "../stack/stack.ts";
import { WaitTimeoutError, waitFor } from "../stack/wait_for.ts";
import { type Clues, whyNoCounts } from "./hints.ts";

/** Something to know that disproves nothing. */
export interface Warning {
  name: string;
  detail: string;
  /** What to do about it. */
  next: string;
}

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

/** A line for each service that has lost spans or did not count them; none when all is well. */
export function accountingWarnings(accounting: SpanAccounting, config: Config, stack: Stack): Warning[] {
  return Object.entries(accounting).flatMap(([service, counts]) => {
    const part = { [config.apiService]: "api", [config.workerService]: "worker" }[service];
    const look = part ? `${stack.outputCommand(part)} | grep telemetry` : "look at its log";
    if ("notMeasured" in counts) {
      return { name: "span accounting", detail: `${service}: not measured: ${counts.notMeasured}`, next: look };
    }
    const { created, queueFull, refused, failed } = counts;
    const lost = { "queue full": queueFull, "refused by the collector": refused, "export failed": failed };
    const causes = Object.entries(lost).filter(([, count]) => count > 0);
    if (causes.length === 0) return [];
    const total = count(queueFull + refused + failed);
    const detail = `${service} ${total} of ${count(created)}: ${causes.map(([why, of]) => `${why} ${count(of)}`).join(", ")}`;
    const next = queueFull > 0 ? "raise OTEL_BSP_MAX_QUEUE_SIZE (default 2048)" : look;
    return { name: "spans lost", detail, next };
  });
}

const count = (value: number) => value.toLocaleString("en-US");
