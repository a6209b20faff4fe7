import { serviceNames } from "../application/application.ts";
import { type Span, SpanKind } from "../otlp/types.ts";
import type { Clues } from "../stack/hints.ts";
import type { Wanted } from "../stack/wanted.ts";
import { BULLMQ_JOB_NAME } from "../telemetry/names.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import type { Check } from "./checks.ts";
import type { ProfileWitness } from "./profile_witness.ts";

export interface ProfileEvidence {
  /** The job's trace. */
  spans: Span[];
  /** What is known of the API and of the worker by now. */
  gatherClues: () => Promise<Clues[]>;
  witness: ProfileWitness;
  signal: AbortSignal;
}

/** A profile has this long to arrive beyond the interval of its process, in ms. */
const ARRIVAL_MS = 5_000;
/** The intervals between profiles and between samples, unless they are set. */
const FLUSH_MS = 10_000;
const SAMPLING_US = 10_000;
const NOT_ON_DENO = "; CPU time and heap: not measured, its profiler has neither";

/** Waits until profiles of both services and samples of the job have arrived, and says what is missing. */
export async function checkProfiles(wanted: Wanted, evidence: ProfileEvidence): Promise<Check[]> {
  const clues = await evidence.gatherClues();
  const intervals = clues.map(({ environment }) => Number(environment.PYROSCOPE_FLUSH_INTERVAL_MS) || FLUSH_MS);
  const isHopeless = clues.some(({ environment }) => environment.PROFILING !== "on");
  let checks: Check[] = [];
  const look = async () => {
    checks = await lookOnce(wanted, evidence);
    return checks.every(({ ok }) => ok) || undefined;
  };
  const timeoutMs = isHopeless ? 0 : Math.max(...intervals) + ARRIVAL_MS;
  await waitFor(look, "the profiles", { timeoutMs, everyMs: 200, signal: evidence.signal }).catch((error) => {
    if (!(error instanceof WaitTimeoutError)) throw error;
  });
  return checks;
}

async function lookOnce(wanted: Wanted, { witness, spans, gatherClues }: ProfileEvidence): Promise<Check[]> {
  const checks: Check[] = [];
  const services = serviceNames(wanted.application);
  const clues = await gatherClues();
  const isDeno = wanted.runtime === "deno" && wanted.kind === "local";
  for (const each of clues) {
    const name = `profiles of ${services[each.part]}`;
    const kinds = await witness.kindsOf(services[each.part]).catch((error: Error) => error);
    const failure = kinds instanceof Error ? kinds.message : undefined;
    if (kinds instanceof Error || kinds.length === 0) checks.push({ name, ok: false, ...whyNone(each, failure) });
    else checks.push({ name, ok: true, detail: `${kinds.join(", ")} arrived${isDeno ? NOT_ON_DENO : ""}` });
  }
  const own = spans.filter(({ service }) => service === services.worker);
  const worker = clues.find(({ part }) => part === "worker");
  checks.push(await checkJob(own, { witness, isDeno, worker }));
  return checks;
}

function whyNone({ part, environment, output }: Clues, failure?: string): Pick<Check, "detail" | "next"> {
  const isOff = environment.PROFILING !== "on";
  const off = isOff ? `the ${part} runs with PROFILING=${environment.PROFILING ?? "off"}` : undefined;
  // What the process itself says of them.
  const said = output.split("\n").findLast((line) => /^(telemetry \w+: a )?profiles? of /.test(line));
  const reason = failure ?? off ?? (said && `the ${part} says "${said}"`);
  return {
    detail: `expected at least one, none arrived${reason ? `: ${reason}` : ""}`,
    next: isOff ? "make otel-down, then make verify PROFILING=on" : "make otel-down, then this command again",
  };
}

interface JobOptions {
  witness: ProfileWitness;
  isDeno: boolean;
  worker: Clues | undefined;
}

async function checkJob(spans: Span[], { witness, isDeno, worker }: JobOptions): Promise<Check> {
  const name = "profile of the job";
  const job = spans.find(({ kind }) => kind === SpanKind.CONSUMER);
  if (!job) return { name, ok: false, detail: "expected samples of the job, it has left no span" };
  if (isDeno) return { name, ok: true, detail: "not measured: on Deno a sample does not tell its job" };
  const found = await witness.cpuMsOf(job.service, spans).catch((error: Error) => error.message);
  const cpuMs = Number(found) || 0;
  const what = `the job "${job.attributes[BULLMQ_JOB_NAME]}"`;
  if (cpuMs > 0) return { name, ok: true, detail: `${cpuMs.toFixed(0)} ms of CPU time in samples of ${what}` };
  const everyMs = (Number(worker?.environment.PYROSCOPE_WALL_SAMPLING_INTERVAL_MICROS) || SAMPLING_US) / 1_000;
  const tookMs = Number(job.endNs - job.startNs) / 1e6;
  const short = `it took ${tookMs.toFixed(1)} ms, one sample is taken every ${everyMs} ms: a longer job is wanted`;
  const reason = typeof found === "string" ? found : tookMs < 2 * everyMs ? short : undefined;
  const detail = `expected samples with a span of ${what}, there are none${reason ? `: ${reason}` : ""}`;
  return { name, ok: false, detail };
}
