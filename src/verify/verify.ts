import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { type Role, serviceNames } from "../application/application.ts";
import { type DrivenJob, JobFollower } from "../load/follow_job.ts";
import { ask, DriveError } from "../load/send_job.ts";
import { spansOf } from "../load/watch_spans.ts";
import { rangesSince } from "../otlp/live_file.ts";
import { readSpans } from "../otlp/read_spans.ts";
import type { Span } from "../otlp/types.ts";
import { recordWindow } from "../recording/record_window.ts";
import type { Recording } from "../recording/run_folder.ts";
import { settleWindow } from "../recording/settle.ts";
import type { SpanAccounting } from "../recording/span_counts.ts";
import type { Throttling } from "../recording/throttling.ts";
import { PartEndedError, whilePartsRun } from "../recording/while_parts_run.ts";
import { gatherClues, hintAbout } from "../stack/hints.ts";
import { describeExit } from "../stack/part.ts";
import type { PartStatus, Stack, Telemetry } from "../stack/stack.ts";
import type { Wanted } from "../stack/wanted.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import { diskFullError } from "../terminal/system_error.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import { accountingWarnings, type Warning } from "./accounting.ts";
import { type Check, checkTelemetry, type Evidence, findJobTrace, type JobTrace } from "./checks.ts";
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
  wanted: Wanted,
  stack: Stack,
  options: VerifyOptions,
): Promise<{ result: Verification; spans: Span[] }> {
  const began = performance.now();
  const status = await stack.status();
  const missing = missingParts(stack.parts, status);
  const names = serviceNames(wanted.application);
  if (missing.length) return { result: withoutJob(names, missing, began), spans: [] };
  const telemetry = await stack.telemetry();
  try {
    return await verifyJob({ wanted, stack, status, telemetry, began, ...options });
  } finally {
    await telemetry.close();
  }
}

interface Verifying extends VerifyOptions {
  wanted: Wanted;
  stack: Stack;
  status: Record<string, PartStatus>;
  telemetry: Telemetry;
  began: number;
}

async function verifyJob(verifying: Verifying): Promise<{ result: Verification; spans: Span[] }> {
  const { wanted, stack, telemetry, began, say } = verifying;
  const names = serviceNames(wanted.application);
  const { run, worked, content } = await recordWindow(wanted, {
    files: telemetry.files,
    say,
    work: (window) => checkJob(verifying, window),
    async settle(window, { job }) {
      const settled = await settleWindow(verifying, window, verifying);
      return { ...settled, load: { kind: "verify", ...(job ? { jobs: 1, job } : {}) } };
    },
  });
  const { job, trace } = worked;
  const checks = [...worked.checks, ...missingParts(stack.parts, await stack.status())];
  const noRoom = diskFullError("the collector cannot store what arrives", dirname(telemetry.files.traces))?.message;
  const { spanAccounting, throttling } = content;
  const warnings = [
    ...accountingWarnings(spanAccounting, names, stack),
    ...throttlingWarnings(throttling, { service: names.worker, job: job?.id }),
    ...(await lockWarnings(telemetry.files, { service: names.worker })),
  ];
  if (telemetry.oldError) {
    const detail = `an error stands in it from before this verification: ${telemetry.oldError}`;
    warnings.push({ name: "collector's log", detail, next: "make otel-restart" });
  }
  const spans = trace?.spans ?? [];
  const result = {
    ...withoutJob(names, checks, began),
    ...conclude(names, checks, { accounting: spanAccounting, noRoom }),
    ...{ warnings, spanAccounting, throttling, run: run.folder },
    traceId: trace?.traceId ?? null,
    services: [...new Set(spans.map(({ service }) => service))],
  };
  return { result, spans };
}

interface Checked {
  checks: Check[];
  /** Absent: it was not seen to end. */
  job?: DrivenJob;
  /** Absent: it left none. */
  trace?: JobTrace | undefined;
}

/** Has one job done, and checks what has arrived of it. */
async function checkJob(verifying: Verifying, run: Recording): Promise<Checked> {
  const { wanted, stack, telemetry, signal } = verifying;
  const { application } = wanted;
  const checks = [await checkHealth(application.healthUrl, signal)];
  try {
    const spans = await spansOf(stack, telemetry);
    const follower = new JobFollower({ spans });
    const job = await whilePartsRun(verifying, (until) => follower.drive(application.request, { signal: until }));
    checks.push(checkEnd(job));
    const services = serviceNames(application);
    const [api, worker] = await gatherClues(stack, verifying.status);
    const hints = { [services.api]: hintAbout(api!), [services.worker]: hintAbout(worker!) };
    const known = { services, hints, job };
    const evidence = await gather(known, { run, delayMs: spans.intervalMs, ...verifying });
    const trace = findJobTrace(evidence);
    checks.push(...checkTelemetry(evidence));
    if (wanted.profiling) checks.push(...(await profileChecks(verifying, run, trace?.spans ?? [])));
    return { checks, job, trace };
  } catch (error) {
    if (!(error instanceof DriveError || error instanceof PartEndedError)) throw error;
    checks.push({ name: "job completed", ok: false, detail: error.message, next: stack.outputCommand("worker") });
    return { checks };
  }
}

function checkEnd({ id, state, error, totalMs }: DrivenJob): Check {
  const name = "job completed";
  if (state === "completed") return { name, ok: true, detail: `${id} in ${totalMs.toFixed(0)} ms` };
  const seen =
    state === "failed" ? `${id} failed: ${error}` : "the request added no job, or one that was there already";
  return { name, ok: false, detail: `expected "completed", ${seen}` };
}

async function profileChecks(verifying: Verifying, { startMs }: Recording, spans: Span[]): Promise<Check[]> {
  const { wanted, stack, telemetry, signal, say } = verifying;
  say("waiting for the profiles");
  const [{ checkProfiles }, { fileWitness, serverWitness }] = await Promise.all([
    import("./profile_checks.ts"),
    import("./profile_witness.ts"),
  ]);
  const { profiles } = telemetry.files;
  const url = `http://127.0.0.1:${wanted.pyroscopePort}`;
  const witness = profiles ? fileWitness(profiles, startMs) : serverWitness(url, startMs, signal);
  return checkProfiles(wanted, { spans, witness, signal, gatherClues: () => gatherClues(stack, verifying.status) });
}

function withoutJob(names: Record<Role, string>, checks: Check[], began: number): Verification {
  const durationMs = performance.now() - began;
  const nothing = { warnings: [], spanAccounting: {}, throttling: { notMeasured: "no job has run" } };
  return { ...conclude(names, checks), checks, ...nothing, traceId: null, services: [], durationMs, run: null };
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
  /** Between two exports of spans. */
  delayMs: number;
}

/** Reads what has arrived until it proves everything, or until what is late will not come. */
async function gather(
  known: Omit<Evidence, "spans" | "log">,
  { telemetry, run, delayMs, signal, say }: Gathering,
): Promise<Evidence> {
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
