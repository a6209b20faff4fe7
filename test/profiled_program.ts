import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCollector } from "../src/collector/collector.ts";
import { readSpans } from "../src/otlp/read_spans.ts";
import type { Span } from "../src/otlp/types.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import { profilesIn } from "../src/sources/profile_files.ts";
import { type ProfileSample, readProfile } from "../src/sources/read_profile.ts";
import { finish, type Ran } from "./checkout.ts";
import { startProgram } from "./program.ts";

/** What a process left that was profiled and traced. */
export interface Profiled extends Ran {
  /** The samples of each stored profile, the oldest first. */
  profiles: { fromMs: number; untilMs: number; service: string; samples: ProfileSample[] }[];
  spans: Span[];
}

/** `burn(name, ms)` uses so much CPU time in a function of that name; `inJob(name, run)` runs what a job does in a span. */
const TOOLS = `
  const { context, trace } = await import("@opentelemetry/api");
  const { contextOfJob } = await import("${join(import.meta.dirname, "../src/telemetry/ledger/owner.ts")}");
  const burn = (name, ms) => {
    const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e3; };
    const work = new Function("cpuMs", \`return function \${name}(until) { while (cpuMs() < until); }\`)(cpuMs);
    work(cpuMs() + ms);
  };
  const inJob = (name, run) => trace.getTracer("test").startActiveSpan(name, async (span) => {
    try { return await context.with(contextOfJob(name, context.active()), () => run(span)); } finally { span.end(); }
  });`;

/**
 * Runs a program, or what is started with that environment, to its end, against a real receiver that it cannot miss;
 * `signal` is sent when it prints "busy".
 */
export async function runProfiled(
  program: string | ((environment: Record<string, string>) => ChildProcess),
  environment: Record<string, string> = {},
  { signal, runtime = currentRuntime }: { signal?: NodeJS.Signals; runtime?: typeof currentRuntime } = {},
): Promise<Profiled> {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const collector = await startCollector({ folder, port: 0, profiles: { port: 0 } });
  try {
    const own = {
      ...{ OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, PROFILING: "on" },
      ...{ PYROSCOPE_SERVER_ADDRESS: collector.profilesUrl ?? "", PROFILE_TRACE_IDS_TO: collector.profilesUrl ?? "" },
    };
    const all = { ...own, ...environment };
    const child = typeof program === "string" ? startProgram(TOOLS + program, all, runtime) : program(all);
    child.stdout?.on("data", (text) => {
      if (signal && String(text).includes("busy")) child.kill(signal);
    });
    const ran = await finish(child);
    const files = profilesIn(join(folder, "profiles"), { fromMs: 0, untilMs: Number.POSITIVE_INFINITY });
    const profiles = files.map(({ path, ...file }) => ({ ...file, samples: readProfile(path) }));
    const spans: Span[] = [];
    for await (const span of readSpans([join(folder, "traces.jsonl")].filter(() => hasTraces(folder))))
      spans.push(span);
    return { ...ran, profiles, spans };
  } finally {
    await collector.close();
    rmSync(folder, { recursive: true });
  }
}

function hasTraces(folder: string): boolean {
  return readdirSync(folder).includes("traces.jsonl");
}

/** Those of their samples that have CPU time in a function of this name. */
export function samplesOf(profiles: Profiled["profiles"], name: string): ProfileSample[] {
  const samples = profiles.flatMap((profile) => profile.samples);
  return samples.filter(({ values, stack }) => values.cpu && stack.some((frame) => frame.name === name));
}
