import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Application, serviceNames } from "../application/application.ts";
import { type FileMark, markEnd, newestMetrics, type TelemetryFiles } from "../otlp/live_file.ts";
import { readPoints } from "../otlp/read_points.ts";
import { readWorkerFacts } from "../otlp/read_worker_facts.ts";
import { currentRuntime, runtimeVersion } from "../settings/runtime.ts";
import type { RunPlace } from "../sources/open_run.ts";
import { cannotWrite, isFull } from "../terminal/system_error.ts";
import { copyProfiles, copySlice } from "./copy_window.ts";
import { removeOldRuns } from "./retention.ts";
import type { SpanAccounting } from "./span_counts.ts";
import type { Throttling } from "./throttling.ts";

/** Where a run comes from. */
export interface RunSource {
  /** `.prodlike`. */
  home: string;
  /** The kind of stack. */
  kind: string;
  application: Pick<Application, "folder" | "services">;
}

/** A window of work that is being recorded. */
export interface Recording {
  id: string;
  startMs: number;
  /** Where the window begins in each of the collector's files. */
  marks: Record<"traces" | "metrics" | "collectorLog", FileMark>;
}

/** What a window held. */
export interface RunContent {
  /** What kept the jobs. */
  store: string;
  /** The production limits of the worker, asked and enforced; `null`: it had none. */
  limits: object[] | null;
  /** What work was done. */
  load: object;
  spanAccounting: SpanAccounting;
  /** Of the worker's CPUs. */
  throttling: Throttling | { notMeasured: string };
  /** Parts of the stack that ended without being asked; absent where nobody looked. */
  ended?: string[];
  /** Of the spans created in the window, by service; absent where nobody looked. */
  lostSpans?: Record<string, { lost: number; created: number }>;
  /** What is missing from it, and why. */
  notMeasured?: { what: string; reason: string }[];
}

/**
 * Begins a run: from now on the window is open. `metrics` is where its metrics begin, when that is before now: with a point
 * of each process before the window, from which its counters are counted.
 */
export function beginRun(files: TelemetryFiles, metrics = markEnd(files.metrics)): Recording {
  const startMs = Date.now();
  const time = new Date(startMs).toISOString().replace(/[-:]|\.\d+/g, "");
  return {
    id: `${time}-${randomBytes(2).toString("hex")}`,
    startMs,
    marks: { traces: markEnd(files.traces), metrics, collectorLog: markEnd(files.collectorLog) },
  };
}

/**
 * Closes the window: writes `.prodlike/runs/<id>/` with `run.json`, the slices of the collector's files and the profiles
 * whose windows overlap with this one, whole or not at all; where that disk is full, into a temporary folder that stays.
 * Tells `say` so, and which old runs it removes.
 *
 * @throws {UserError} when it cannot be written
 */
export async function endRun(
  source: RunSource,
  files: TelemetryFiles,
  run: Recording,
  content: RunContent,
  say: (line: string) => void = () => {},
): Promise<RunPlace> {
  const runs = join(source.home, "runs");
  const description = await describe(source, files, run, content);
  try {
    writeRun(runs, files, run, description);
  } catch (cause) {
    const error = cannotWrite(`Cannot write the run "${run.id}"`, cause, runs);
    const folder = isFull(cause) && writeAside(files, run, description);
    if (!folder) throw error;
    say(`${error.message}: it is in ${folder}, until you remove it`);
    return { id: run.id, folder };
  }
  for (const line of removeOldRuns(runs, run.id)) say(line);
  return { id: run.id, folder: join(runs, run.id) };
}

function writeRun(runs: string, files: TelemetryFiles, run: Recording, description: object): void {
  const draft = join(runs, `.${run.id}`);
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  try {
    copySlice(files.traces, run.marks.traces, join(draft, "traces.jsonl"));
    copySlice(files.metrics, run.marks.metrics, join(draft, "metrics.jsonl"));
    copySlice(files.collectorLog, run.marks.collectorLog, join(draft, "collector.log"));
    if (files.profiles)
      copyProfiles(files.profiles, join(draft, "profiles"), { fromMs: run.startMs, untilMs: Date.now() });
    writeFileSync(join(draft, "run.json"), `${JSON.stringify(description, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, join(runs, run.id));
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    throw error;
  }
}

/** The folder of the run; `undefined` when there is no room for it in the temporary folder either. */
function writeAside(files: TelemetryFiles, run: Recording, description: object): string | undefined {
  const home = mkdtempSync(join(tmpdir(), "prodlike-run-"));
  try {
    writeRun(join(home, "runs"), files, run, description);
    return join(home, "runs", run.id);
  } catch {
    rmSync(home, { recursive: true });
    return undefined;
  }
}

async function describe(source: RunSource, files: TelemetryFiles, run: Recording, content: RunContent) {
  const endMs = Date.now();
  const services = serviceNames(source.application);
  // The newest before the end: a process may send so rarely that none is in the window.
  const { lostLocks, ...worker } = await readWorkerFacts(readPoints(newestMetrics(files.metrics)), {
    service: services.worker,
    untilMs: endMs,
  });
  return {
    version: 1,
    id: run.id,
    start: new Date(run.startMs).toISOString(),
    end: new Date(endMs).toISOString(),
    gitRevision: await gitRevision(source.application.folder),
    runtime: { name: currentRuntime, version: runtimeVersion },
    stack: source.kind,
    services,
    worker,
    machine: {
      platform: process.platform,
      arch: process.arch,
      cpus: cpus().length,
      cpuModel: cpus()[0]?.model ?? "unknown",
      memoryBytes: totalmem(),
    },
    ...content,
  };
}

async function gitRevision(folder: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("git", ["-C", folder, "rev-parse", "HEAD"]);
    return stdout.trim();
  } catch (error) {
    return `not known: ${(error as Error).message.split("\n")[0]}`;
  }
}
