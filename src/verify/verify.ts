import { readFileSync } from "node:fs";
import type { Config } from "../config.ts";
import { DriveError, driveJob } from "../load/drive_job.ts";
import { readSpans } from "../otlp/read_spans.ts";
import type { Span } from "../otlp/types.ts";
import { beginRun, endRun, type Recording, type TelemetryFiles } from "../runs/run_folder.ts";
import { rangesSince } from "../runs/slice.ts";
import type { SpanAccounting } from "../runs/span_counts.ts";
import { describeExit } from "../stack/part.ts";
import { wantedParts } from "../stack/stack.ts";
import { readState, runningParts, type StackState, stackFiles } from "../stack/state.ts";
import { WaitTimeoutError, waitFor } from "../stack/wait_for.ts";
import { accountingWarnings, accountSpans, type Warning } from "./accounting.ts";
import { type Check, checkTelemetry, type Evidence, findJobTrace } from "./checks.ts";
import { hintAbout } from "./hints.ts";

/** What `make verify JSON=1` prints. */
export interface Verification {
  ok: boolean;
  outcome: "proved" | "disproved";
  checks: Check[];
  /** Lost spans among them: they disprove nothing, unless they are those of the job. */
  warnings: Warning[];
  spanAccounting: SpanAccounting;
  /** `null` when the job left no trace. */
  traceId: string | null;
  services: string[];
  durationMs: number;
  /** The folder of the run; `null` when nothing was recorded, because the stack is incomplete. */
  run: string | null;
}

export interface VerifyOptions {
  signal: AbortSignal;
  say: (line: string) => void;
}

/** Spans may take this long beyond two rounds of the batch processor, in ms. */
const ARRIVAL_MS = 3_000;

/** Runs one real job through the stack that is up and checks what the collector received of it. Repairs nothing. */
export async function verify(config: Config, options: VerifyOptions): Promise<{ result: Verification; spans: Span[] }> {
  const began = performance.now();
  const state = await readState(config);
  const missing = missingParts(config, state);
  if (missing.length) return { result: conclude(missing, began), spans: [] };

  const files: TelemetryFiles = stackFiles(config);
  const run = beginRun(files);
  const checks = [await checkHealth(config.healthUrl, options.signal)];
  let trace: ReturnType<typeof findJobTrace>;
  let load: object = {};
  try {
    const job = await driveJob(config.jobRequest, options);
    load = { jobs: 1, job };
    checks.push({
      name: "job completed",
      ok: job.state === "completed",
      detail:
        job.state === "completed"
          ? `${job.id} in ${job.totalMs.toFixed(0)} ms`
          : `expected "completed", ${job.id} failed: ${job.error}`,
    });
    const services = { api: config.apiService, worker: config.workerService };
    const hints = {
      [services.api]: hintAbout("api", config, state),
      [services.worker]: hintAbout("worker", config, state),
    };
    const evidence = await gather({ services, hints, job }, { files, run, config, ...options });
    trace = findJobTrace(evidence);
    checks.push(...checkTelemetry(evidence));
  } catch (error) {
    if (!(error instanceof DriveError)) throw error;
    checks.push({
      name: "job completed",
      ok: false,
      detail: error.message,
      next: `tail ${stackFiles(config).output("worker")}`,
    });
  }
  const spanAccounting = await accountSpans(config, { files, state, startMs: run.startMs, signal: options.signal });
  const folder = await endRun(config, files, run, { load: { kind: "verify", ...load }, spanAccounting });
  const warnings = accountingWarnings(spanAccounting, config);
  const traceId = trace?.traceId ?? null;
  const result = { ...conclude(checks, began), warnings, spanAccounting, traceId, run: folder };
  result.services = [...new Set(trace?.spans.map(({ service }) => service))];
  return { result, spans: trace?.spans ?? [] };
}

function conclude(checks: Check[], began: number): Verification {
  const ok = checks.every((check) => check.ok);
  const outcome = ok ? "proved" : "disproved";
  const durationMs = performance.now() - began;
  return { ok, outcome, checks, warnings: [], spanAccounting: {}, traceId: null, services: [], durationMs, run: null };
}

function missingParts(config: Config, state: StackState | undefined): Check[] {
  const running = runningParts(state);
  return wantedParts(config)
    .filter((part) => !running.includes(part) || !state?.parts[part]?.ready)
    .map((part) => {
      const { exit } = state?.parts[part] ?? {};
      const gone = exit === undefined ? "it was not started" : `it ended with ${describeExit(exit)}`;
      const detail = running.includes(part) ? "it is still starting" : gone;
      return { name: `${part} runs`, ok: false, detail, next: "make otel-up" };
    });
}

async function checkHealth(url: string, signal: AbortSignal): Promise<Check> {
  const name = "health";
  const next = "make otel-down, then make otel-up";
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(5_000)]) });
    if (response.ok) return { name, ok: true, detail: `${url} answered ${response.status}` };
    return {
      name,
      ok: false,
      detail: `expected 200 of ${url}, it answered ${response.status}: ${await response.text()}`,
      next,
    };
  } catch (error) {
    signal.throwIfAborted();
    const { message, cause } = error as Error & { cause?: Error };
    return {
      name,
      ok: false,
      detail: `expected 200 of ${url}, it does not answer: ${cause?.message || message}`,
      next,
    };
  }
}

interface Gathering extends VerifyOptions {
  config: Config;
  files: TelemetryFiles;
  run: Recording;
}

/** Reads what has arrived until it proves everything, or until what is late will not come. */
async function gather(
  known: Omit<Evidence, "spans" | "log">,
  { config, files, run, signal, say }: Gathering,
): Promise<Evidence> {
  const delays = [config.environment, config.apiEnv, config.workerEnv].map((env) =>
    Number(env.OTEL_BSP_SCHEDULE_DELAY ?? 200),
  );
  const delayMs = Math.max(...delays.filter(Number.isFinite));
  if (delayMs > 1_000) say(`waiting for the spans: OTEL_BSP_SCHEDULE_DELAY is ${delayMs} ms`);
  let evidence: Evidence = { ...known, spans: [], log: "" };
  const look = async () => {
    const spans: Span[] = [];
    for await (const span of readSpans(rangesSince(files.traces, run.marks.traces))) spans.push(span);
    const log = rangesSince(files.collectorLog, run.marks.collectorLog);
    evidence = {
      ...known,
      spans,
      log: log.map(({ path, start }) => readFileSync(path).subarray(start).toString()).join(""),
    };
    return checkTelemetry(evidence).every(({ ok }) => ok) || undefined;
  };
  try {
    await waitFor(look, "the trace", { timeoutMs: ARRIVAL_MS + 2 * delayMs, everyMs: 25, signal });
  } catch (error) {
    if (!(error instanceof WaitTimeoutError)) throw error;
  }
  return evidence;
}
