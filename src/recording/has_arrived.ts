import type { Config } from "../settings/config.ts";
import { type Clues, whyNoCounts } from "../stack/hints.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import { profilesIn } from "./profile_files.ts";
import type { TelemetryFiles } from "./run_folder.ts";
import { newestMetrics } from "./slice.ts";
import { countSpans } from "./span_counts.ts";

export interface ArrivalOptions {
  files: TelemetryFiles;
  /** Brings the files up to date. */
  refresh: () => Promise<void>;
  clues: Clues[];
  /** When the work was over, Unix time. */
  sinceMs: number;
  /** Whether jobs may still run, whose spans are not awaited. */
  isBusy: boolean;
  signal: AbortSignal;
}

/** What is late beyond the interval at which it is sent, in ms. */
const LATE_MS = 3_000;
/** The intervals unless they are set: of spans, of metrics, and of profiles of a busy process. */
const SPANS_MS = 5_000;
const METRICS_MS = 60_000;
const PROFILES_MS = 10_000;

/**
 * Waits until all spans of the work have arrived: until each service has said, after the work, that none of its spans is
 * pending. One that does not count its spans is given twice the interval at which it sends. `false` when they are late.
 */
export async function spansArrived(
  config: Config,
  { files, refresh, clues, sinceMs, isBusy, signal }: ArrivalOptions,
): Promise<boolean> {
  const counting = clues.filter((clue) => !whyNoCounts(clue).never);
  const services = counting.map(({ part }) => (part === "api" ? config.apiService : config.workerService));
  const spansMs = longest(clues, "OTEL_BSP_SCHEDULE_DELAY", SPANS_MS);
  const metricsMs = longest(counting, "OTEL_METRIC_EXPORT_INTERVAL", METRICS_MS);
  const isCounted = counting.length === clues.length;
  const look = async () => {
    await refresh();
    if (!isCounted && Date.now() < sinceMs + 2 * spansMs) return undefined;
    const counts = await countSpans(newestMetrics(files.metrics), sinceMs);
    // While jobs run, some spans are always pending: those of the work are sent by then.
    const fromMs = sinceMs + 2 * spansMs;
    const isSent = (service: string) => {
      const count = counts[service];
      return count !== undefined && (isBusy ? Date.parse(count.at) >= fromMs : count.pending === 0);
    };
    return services.every(isSent) || undefined;
  };
  return comes(look, { timeoutMs: 2 * spansMs + 2 * metricsMs + LATE_MS, signal });
}

/** Waits until the profile that holds the end of the work has arrived from each profiled service. `false` when one is late. */
export async function profilesArrived(
  { apiService, workerService }: Config,
  { files, clues, sinceMs, signal }: ArrivalOptions,
): Promise<boolean> {
  const window = { fromMs: sinceMs, untilMs: Number.POSITIVE_INFINITY };
  const profiled = clues.filter(({ environment }) => environment.PROFILING === "on");
  const services = profiled.map(({ part }) => (part === "api" ? apiService : workerService));
  const look = () => {
    const arrived = new Set(profilesIn(files.profiles ?? "", window).map(({ service }) => service));
    return services.every((service) => arrived.has(service)) || undefined;
  };
  return comes(look, { timeoutMs: longest(clues, "PYROSCOPE_FLUSH_INTERVAL_MS", PROFILES_MS) + LATE_MS, signal });
}

function longest(clues: Clues[], variable: string, usual: number): number {
  return Math.max(0, ...clues.map(({ environment }) => Number(environment[variable]) || usual));
}

async function comes(
  look: () => true | undefined | Promise<true | undefined>,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  try {
    return await waitFor(look, "what was recorded", { ...options, everyMs: 100 });
  } catch (error) {
    if (!(error instanceof WaitTimeoutError)) throw error;
    return false;
  }
}
