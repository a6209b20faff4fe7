import { existsSync, readFileSync } from "node:fs";
import type { Config } from "../config.ts";
import { type PartName, type StackState, stackFiles } from "../stack/state.ts";

/**
 * What may explain that a part's spans are not seen, from how it was started and from what its telemetry said last;
 * `undefined` when nothing is remarkable.
 */
export function hintAbout(part: PartName, config: Config, state: StackState | undefined): string | undefined {
  const settings = state?.parts[part]?.settings ?? {};
  const found: string[] = [];
  if (settings.OTEL_ENABLED !== undefined && settings.OTEL_ENABLED !== "true") {
    found.push(`the ${part} runs with OTEL_ENABLED=${settings.OTEL_ENABLED}`);
  }
  const endpoint = settings.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const collector = `http://127.0.0.1:${config.otlpPort}`;
  if (endpoint && !endpoint.startsWith(collector)) found.push(`the ${part} sends to ${endpoint}, not to ${collector}`);
  for (const name of ["OTEL_PROPAGATORS", "OTEL_TRACES_SAMPLER", "OTEL_SDK_DISABLED"]) {
    const value = settings[name] ?? config.environment[name];
    if (value) found.push(`the ${part} runs with ${name}=${value}`);
  }
  const complaint = lastComplaint(stackFiles(config).output(part));
  if (complaint) found.push(`the ${part} says "${complaint}"`);
  return found.join("; ") || undefined;
}

/** The last line that telemetry printed since the process was started. */
function lastComplaint(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  return readFileSync(file, "utf8")
    .split("\n")
    .findLast((line) => line.startsWith("telemetry "));
}
