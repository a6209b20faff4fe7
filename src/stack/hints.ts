import type { Environment } from "../settings/environment.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import type { PartStatus, Stack } from "./stack.ts";

/** What is known of the part that a hint is about. */
export interface Clues {
  part: "api" | "worker";
  /** Empty when it was never started. */
  environment: Environment;
  /** What it printed last. */
  output: string;
  /** Where it should send its telemetry. */
  collectorUrl: string;
}

/** What is known of the API and of the worker now. */
export async function gatherClues(stack: Stack, status: Record<string, PartStatus>): Promise<Clues[]> {
  const parts = ["api", "worker"] as const;
  const { collectorUrl } = stack;
  const clue = async (part: (typeof parts)[number]) => {
    return { part, collectorUrl, environment: status[part]?.environment ?? {}, output: await stack.output(part) };
  };
  return Promise.all(parts.map(clue));
}

/**
 * What may explain that a part's spans are not seen, from how it was started and from what its telemetry said last;
 * `undefined` when nothing is remarkable.
 */
export function hintAbout(clues: Clues): string | undefined {
  const { part, output } = clues;
  const found = remarks(clues, "TRACES", ["OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER"]);
  const complaint = lastComplaint(output);
  if (complaint) found.push(`the ${part} says "${complaint}"`);
  return found.join("; ") || undefined;
}

/** Why no counts of a part's spans arrive, and whether it was started so that they never will. */
export function whyNoCounts(clues: Clues): NoMetrics {
  const { part, environment } = clues;
  const { never, reason } = whyNoMetrics(clues, "counts");
  const { OTEL_METRIC_EXPORT_INTERVAL: everyMs } = environment;
  if (Number(everyMs) <= 1_000) return { never, reason };
  const late = `the ${part} runs with OTEL_METRIC_EXPORT_INTERVAL=${everyMs ?? 60_000}`;
  return { never: true, reason: never ? `${reason}; ${late}` : late };
}

/** Why nothing of a part arrives that travels as a metric. */
export interface NoMetrics {
  /** Whether it was started so that it never will. */
  never: boolean;
  reason: string;
}

/** Why no metrics of a part arrive. */
export function whyNoMetrics(clues: Clues, what = "metrics"): NoMetrics {
  const { part, environment, output } = clues;
  const found = remarks(clues, "METRICS", []);
  const { OTEL_METRICS_EXPORTER: exporter } = environment;
  if (exporter === "none") found.push(`the ${part} runs with OTEL_METRICS_EXPORTER=none`);
  if (found.length) return { never: true, reason: found.join("; ") };
  const complaint = lastComplaint(output);
  return { never: false, reason: `no ${what} have arrived${complaint ? `, the ${part} says "${complaint}"` : ""}` };
}

/** What is remarkable in how a part was started, for one signal. */
function remarks(
  { part, environment, collectorUrl }: Clues,
  signal: "TRACES" | "METRICS",
  variables: string[],
): string[] {
  const found: string[] = [];
  const { OTEL_ENABLED: enabled } = environment;
  if (enabled !== undefined && enabled !== "true") found.push(`the ${part} runs with OTEL_ENABLED=${enabled}`);
  const endpoint = environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? environment.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint && !endpoint.startsWith(collectorUrl)) {
    found.push(`the ${part} sends to ${shownUrl(endpoint)}, not to ${collectorUrl}`);
  }
  for (const name of [...variables, "OTEL_SDK_DISABLED"]) {
    if (environment[name]) found.push(`the ${part} runs with ${name}=${environment[name]}`);
  }
  return found;
}

/** The last line that telemetry printed. */
function lastComplaint(output: string): string | undefined {
  return output.split("\n").findLast((line) => line.startsWith("telemetry "));
}
