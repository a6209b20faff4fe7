import { existsSync, readFileSync } from "node:fs";
import type { Config } from "../config.ts";
import { type PartName, type StackState, stackFiles } from "../stack/state.ts";

/**
 * What may explain that a part's spans are not seen, from how it was started and from what its telemetry said last;
 * `undefined` when nothing is remarkable.
 */
export function hintAbout(part: PartName, config: Config, state: StackState | undefined): string | undefined {
  const found = remarks(part, config, state, {
    signal: "TRACES",
    variables: ["OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER"],
  });
  const complaint = lastComplaint(stackFiles(config).output(part));
  if (complaint) found.push(`the ${part} says "${complaint}"`);
  return found.join("; ") || undefined;
}

/** Why no counts of a part's spans arrive, and whether it was started so that they never will. */
export function whyNoCounts(part: PartName, config: Config, state: StackState | undefined) {
  const found = remarks(part, config, state, { signal: "METRICS", variables: [] });
  const { OTEL_METRIC_EXPORT_INTERVAL: everyMs, ...settings } = state?.parts[part]?.settings ?? {};
  const exporter = settings.OTEL_METRICS_EXPORTER ?? config.environment.OTEL_METRICS_EXPORTER;
  if (exporter === "none") found.push(`the ${part} runs with OTEL_METRICS_EXPORTER=none`);
  if (!(Number(everyMs) <= 1_000)) found.push(`the ${part} runs with OTEL_METRIC_EXPORT_INTERVAL=${everyMs ?? 60_000}`);
  if (found.length) return { never: true, reason: found.join("; ") };
  const complaint = lastComplaint(stackFiles(config).output(part));
  return { never: false, reason: `no counts have arrived${complaint ? `, the ${part} says "${complaint}"` : ""}` };
}

/** What is remarkable in how a part was started, for one signal. */
function remarks(
  part: PartName,
  config: Config,
  state: StackState | undefined,
  { signal, variables }: { signal: "TRACES" | "METRICS"; variables: string[] },
): string[] {
  const settings = state?.parts[part]?.settings ?? {};
  const found: string[] = [];
  if (settings.OTEL_ENABLED !== undefined && settings.OTEL_ENABLED !== "true") {
    found.push(`the ${part} runs with OTEL_ENABLED=${settings.OTEL_ENABLED}`);
  }
  const endpoint = settings[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const collector = `http://127.0.0.1:${config.otlpPort}`;
  if (endpoint && !endpoint.startsWith(collector)) found.push(`the ${part} sends to ${endpoint}, not to ${collector}`);
  for (const name of [...variables, "OTEL_SDK_DISABLED"]) {
    const value = settings[name] ?? config.environment[name];
    if (value) found.push(`the ${part} runs with ${name}=${value}`);
  }
  return found;
}

/** The last line that telemetry printed since the process was started. */
function lastComplaint(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  return readFileSync(file, "utf8")
    .split("\n")
    .findLast((line) => line.startsWith("telemetry "));
}
