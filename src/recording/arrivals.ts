import { newestMetrics, type TelemetryFiles } from "../otlp/live_file.ts";
import { profilesIn } from "../sources/profile_files.ts";
import { type Clues, whyNoCounts } from "../stack/hints.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import { countSpans, type SpanAccounting, type SpanCounts } from "./span_counts.ts";

/** `service.name` of the observed parts. */
export type Services = Record<Clues["part"], string>;

export interface ArrivalOptions {
  files: TelemetryFiles;
  /** Brings the files up to date. */
  refresh: () => Promise<void>;
  services: Services;
  clues: Clues[];
  /** Since when: of what is awaited the end of the work, of counts the beginning of the window; Unix time. */
  sinceMs: number;
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
 * pending. One that does not count its spans is given twice the interval at which it sends; so are all when the work
 * `isBusy` still, as some spans are always pending then. `false` when they are late.
 */
export async function spansArrived({ isBusy, ...options }: ArrivalOptions & { isBusy: boolean }): Promise<boolean> {
  const { files, refresh, services, clues, sinceMs, signal } = options;
  const counting = clues.filter((clue) => !whyNoCounts(clue).never);
  const spansMs = spanInterval(clues);
  const metricsMs = longest(counting, "OTEL_METRIC_EXPORT_INTERVAL", METRICS_MS);
  const isCounted = counting.length === clues.length;
  const look = async () => {
    await refresh();
    if (!isCounted && Date.now() < sinceMs + 2 * spansMs) return undefined;
    const counts = await countSpans(newestMetrics(files.metrics), sinceMs);
    const fromMs = sinceMs + 2 * spansMs;
    const isSent = ({ part }: Clues) => {
      const count = counts[services[part]];
      return count !== undefined && (isBusy ? Date.parse(count.at) >= fromMs : count.pending === 0);
    };
    return counting.every(isSent) || undefined;
  };
  return comes(look, { timeoutMs: 2 * spansMs + 2 * metricsMs + LATE_MS, everyMs: 100, signal });
}

/** Waits until the profile that holds the end of the work has arrived from each profiled service. `false` when one is late. */
export async function profilesArrived({ files, services, clues, sinceMs, signal }: ArrivalOptions): Promise<boolean> {
  const window = { fromMs: sinceMs, untilMs: Number.POSITIVE_INFINITY };
  const profiled = clues.filter(({ environment }) => environment.PROFILING === "on");
  const look = () => {
    const arrived = new Set(profilesIn(files.profiles ?? "", window).map(({ service }) => service));
    return profiled.every(({ part }) => arrived.has(services[part])) || undefined;
  };
  const timeoutMs = longest(clues, "PYROSCOPE_FLUSH_INTERVAL_MS", PROFILES_MS) + LATE_MS;
  return comes(look, { timeoutMs, everyMs: 100, signal });
}

/**
 * The spans that the services have created and lost so far, from the counts that have arrived. It waits only for a
 * process that has just begun or is late, so the last second may be missing.
 */
export async function accountSpans(options: ArrivalOptions): Promise<SpanAccounting> {
  const { files, refresh, services, clues, sinceMs, signal } = options;
  // A process that runs has sent counts in the interval before the window, one that ended before has not.
  const fromMs = sinceMs - longest(clues, "OTEL_METRIC_EXPORT_INTERVAL", METRICS_MS);
  const expected = clues.map((clue) => ({ service: services[clue.part], ...whyNoCounts(clue) }));
  const coming = expected.filter(({ never }) => !never);
  let counts: Record<string, SpanCounts> = {};
  const look = async () => {
    await refresh();
    counts = await countSpans(newestMetrics(files.metrics), fromMs);
    // Counts without a span are older than the job.
    return coming.every(({ service }) => counts[service]?.created) || undefined;
  };
  await comes(look, { timeoutMs: LATE_MS, everyMs: 25, signal });
  const accounting: SpanAccounting = counts;
  for (const { service, reason } of expected) accounting[service] ??= { notMeasured: reason };
  return accounting;
}

/** The longest interval at which these processes send their spans, in ms. */
export function spanInterval(clues: Clues[]): number {
  return longest(clues, "OTEL_BSP_SCHEDULE_DELAY", SPANS_MS);
}

function longest(clues: Clues[], variable: string, usual: number): number {
  return Math.max(0, ...clues.map(({ environment }) => Number(environment[variable]) || usual));
}

async function comes(
  look: () => true | undefined | Promise<true | undefined>,
  options: { timeoutMs: number; everyMs: number; signal: AbortSignal },
): Promise<boolean> {
  try {
    return await waitFor(look, "what was recorded", options);
  } catch (error) {
    if (!(error instanceof WaitTimeoutError)) throw error;
    return false;
  }
}
