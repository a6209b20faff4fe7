import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { driveJob } from "../load/drive_job.ts";
import { ask, DriveError } from "../load/send_job.ts";
import { whilePartsRun } from "../load/while_parts_run.ts";
import { readSpans } from "../otlp/read_spans.ts";
import type { Span } from "../otlp/types.ts";
import { accountSpans } from "../recording/account_spans.ts";
import { beginRun, endRun, type Recording } from "../recording/run_folder.ts";
import { newestMetrics, rangesSince } from "../recording/slice.ts";
import type { SpanAccounting } from "../recording/span_counts.ts";
import { readThrottling, type Throttling } from "../recording/throttling.ts";
import type { Config } from "../settings/config.ts";
import { endedPartsExplained } from "../stack/ended_parts.ts";
import { gatherClues, hintAbout } from "../stack/hints.ts";
import { describeExit } from "../stack/part.ts";
import type { PartStatus, Stack, Telemetry } from "../stack/stack.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import { diskFullError } from "../terminal/system_error.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import { accountingWarnings, type Warning } from "./accounting.ts";
import { type Check, checkTelemetry, type Evidence, findJobTrace } from "./checks.ts";
import { type Conclusion, conclude } from "./conclude.ts";
import { lockWarnings } from "./lock_warnings.ts";
import { throttlingWarnings } from "./throttling.ts";

/** What `make verify JSON=1` prints. */
export interface Verification extends Conclusion {
  checks: Check[];
  /** Lost spans among them: they disprove nothing, unless they are those of the job. */
  warnings: Warning[];
  spanAccounting: SpanAccounting;
  /** Of the worker, while the job ran. */
  throttling: Throttling | { notMeasured: string };
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
export async function verify(
  config: Config,
  stack: Stack,
  options: VerifyOptions,
): Promise<{ result: Verification; spans: Span[] }> {
  const began = performance.now();
  const status = await stack.status();
  const missing = missingParts(stack.parts, status);
  if (missing.length) return { result: withoutJob(config, missing, began), spans: [] };
  const telemetry = await stack.telemetry();
  try {
    return await verifyJob({ config, stack, status, telemetry, began, ...options });
  } finally {
    await telemetry.close();
  }
}

interface Verifying extends VerifyOptions {
  config: Config;
  stack: Stack;
  status: Record<string, PartStatus>;
  telemetry: Telemetry;
  began: number;
}

async function verifyJob(verifying: Verifying): Promise<{ result: Verification; spans: Span[] }> {
  const { config, stack, telemetry, began, signal } = verifying;
  const { files, refresh } = telemetry;
  const run = beginRun(files);
  const checks = [await checkHealth(config.healthUrl, signal)];
  let trace: ReturnType<typeof findJobTrace>;
  let load: object = {};
  let jobId: string | undefined;
  try {
    const job = await whilePartsRun(verifying, (until) => driveJob(config.jobRequest, { ...verifying, signal: until }));
    load = { jobs: 1, job };
    jobId = job.id;
    checks.push({
      name: "job completed",
      ok: job.state === "completed",
      detail:
        job.state === "completed"
          ? `${job.id} in ${job.totalMs.toFixed(0)} ms`
          : `expected "completed", ${job.id} failed: ${job.error}`,
    });
    const services = { api: config.apiService, worker: config.workerService };
    const [api, worker] = await gatherClues(stack, verifying.status);
    const hints = { [services.api]: hintAbout(api!), [services.worker]: hintAbout(worker!) };
    const evidence = await gather({ services, hints, job }, { run, ...verifying });
    trace = findJobTrace(evidence);
    checks.push(...checkTelemetry(evidence));
    if (config.profiling) checks.push(...(await profileChecks(verifying, run, trace?.spans ?? [])));
  } catch (error) {
    if (!(error instanceof DriveError)) throw error;
    checks.push({ name: "job completed", ok: false, detail: error.message, next: stack.outputCommand("worker") });
  }
  const clues = await gatherClues(stack, verifying.status);
  const spanAccounting = await accountSpans(config, { files, refresh, clues, startMs: run.startMs, signal });
  const limits = verifying.status.worker?.limits ?? null;
  const worker = config.workerService;
  const throttling = await readThrottling(newestMetrics(files.metrics), { service: worker, sinceMs: run.startMs });
  checks.push(...missingParts(stack.parts, await stack.status()));
  const ended = await endedPartsExplained(stack);
  const noRoom = diskFullError("the collector cannot store what arrives", dirname(files.traces))?.message;
  const content = { store: stack.store, limits, load: { kind: "verify", ...load }, spanAccounting, throttling, ended };
  const folder = await endRun(config, files, run, content, verifying.say);
  const warnings = [
    ...accountingWarnings(spanAccounting, config, stack),
    ...throttlingWarnings(throttling, { service: worker, job: jobId }),
    ...(await lockWarnings(files, { service: worker })),
  ];
  if (telemetry.oldError) {
    const detail = `an error stands in it from before this verification: ${telemetry.oldError}`;
    warnings.push({ name: "collector's log", detail, next: "make otel-restart" });
  }
  const traceId = trace?.traceId ?? null;
  const result = {
    ...withoutJob(config, checks, began),
    ...conclude(config, checks, { accounting: spanAccounting, noRoom }),
    warnings,
    spanAccounting,
    throttling,
    traceId,
    run: folder,
  };
  result.services = [...new Set(trace?.spans.map(({ service }) => service))];
  return { result, spans: trace?.spans ?? [] };
}

async function profileChecks(verifying: Verifying, { startMs }: Recording, spans: Span[]): Promise<Check[]> {
  const { config, stack, telemetry, signal, say } = verifying;
  say("waiting for the profiles");
  const [{ checkProfiles }, { fileWitness, serverWitness }] = await Promise.all([
    import("./profile_checks.ts"),
    import("./profile_witness.ts"),
  ]);
  const { profiles } = telemetry.files;
  const url = `http://127.0.0.1:${config.pyroscopePort}`;
  const witness = profiles ? fileWitness(profiles, startMs) : serverWitness(url, startMs, signal);
  return checkProfiles(config, { spans, witness, signal, gatherClues: () => gatherClues(stack, verifying.status) });
}

function withoutJob(config: Config, checks: Check[], began: number): Verification {
  const durationMs = performance.now() - began;
  const nothing = { warnings: [], spanAccounting: {}, throttling: { notMeasured: "no job has run" } };
  return { ...conclude(config, checks), checks, ...nothing, traceId: null, services: [], durationMs, run: null };
}

function missingParts(wanted: string[], status: Record<string, PartStatus>): Check[] {
  return wanted
    .filter((part) => !status[part]?.isReady || !status[part].isRunning)
    .map((part) => {
      const { isRunning, exit, death } = status[part] ?? {};
      const gone = exit === undefined ? "it was not started" : `it ended with ${describeExit(exit)}`;
      const detail = isRunning ? "it is still starting" : gone;
      const facts = death ? { facts: [death.what, ...death.facts, death.next] } : {};
      return { name: `${part} runs`, ok: false, detail, ...facts, next: "make otel-up" };
    });
}

async function checkHealth(url: string, signal: AbortSignal): Promise<Check> {
  const name = "health";
  const next = "make otel-down, then make otel-up";
  const address = shownUrl(url);
  try {
    const response = await ask(url, AbortSignal.any([signal, AbortSignal.timeout(5_000)]));
    if (response.ok) return { name, ok: true, detail: `${address} answered ${response.status}` };
    const answer = `it answered ${response.status}: ${await response.text()}`;
    return { name, ok: false, detail: `expected 200 of ${address}, ${answer}`, next };
  } catch (error) {
    signal.throwIfAborted();
    return { name, ok: false, detail: `expected 200 of ${address}: ${(error as Error).message}`, next };
  }
}

interface Gathering extends Verifying {
  run: Recording;
}

/** Reads what has arrived until it proves everything, or until what is late will not come. */
async function gather(
  known: Omit<Evidence, "spans" | "log">,
  { config, telemetry, run, signal, say }: Gathering,
): Promise<Evidence> {
  const delays = [config.environment, config.apiEnv, config.workerEnv].map((env) =>
    Number(env.OTEL_BSP_SCHEDULE_DELAY ?? 200),
  );
  const delayMs = Math.max(...delays.filter(Number.isFinite));
  if (delayMs > 1_000) say(`waiting for the spans: OTEL_BSP_SCHEDULE_DELAY is ${delayMs} ms`);
  let evidence: Evidence = { ...known, spans: [], log: "" };
  const { files } = telemetry;
  const look = async () => {
    await telemetry.refresh();
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
