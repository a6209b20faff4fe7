import { showBytes } from "../figures.ts";
import { shown } from "../terminal/visible_text.ts";
import { fatalError, lastCollections, lastError } from "./last_words.ts";

/** How a worker died. */
export type DeathKind = "oom-kill" | "heap-limit" | "killed" | "lost-lock" | "uncaught-error" | "ended";

/** What is known of a worker that has ended without being asked. */
export interface DeathScene {
  exit: { code: number | null; signal: string | null } | null;
  /** Kills by the kernel for want of memory since it started; `undefined`: nobody counts. */
  oomKills: number | undefined;
  /** The memory limit that held, in bytes. */
  memoryLimitBytes: number | undefined;
  /** The last lines that it printed. */
  output: string;
  /** Of its memory, oldest first. */
  samples: Sample[] | { notMeasured: string };
  /** How the samples were taken, where that limits what they show. */
  samplesBy?: string;
  /** The most memory that the kernel has counted; `undefined`: nobody counts, the samples have to do. */
  peakBytes: number | undefined;
  /** Its garbage collections in the last minute, by kind. */
  collections: Collections[] | { notMeasured: string };
  /** Locks of running jobs that it could not renew, since it began. */
  lostLocks: number | { notMeasured: string };
  /** The ids of the jobs that it was running. */
  jobs: string[] | { notMeasured: string };
  /** How long their locks last, beyond which they are run again; `undefined`: not known. */
  lockDurationMs?: number | undefined;
}

/** The memory of a process at one moment. */
export interface Sample {
  /** Unix time. */
  atMs: number;
  /** Of its cgroup where it has one of its own, else its resident set. */
  bytes: number;
}

/** Garbage collections of one kind. */
export interface Collections {
  /** "major", "minor", "incremental", "weakcb". */
  kind: string;
  count: number;
  seconds: number;
}

export interface Death {
  kind: DeathKind;
  /** One sentence. */
  what: string;
  /** What it rests on, a line each. */
  facts: string[];
  /** One thing to do. */
  next: string;
}

/** Characters of one line or id of the worker that are repeated. */
const MAX_CHARACTERS = 500;

/** Says which death a worker died, from what it left. Pure. */
export function explainDeath(scene: DeathScene): Death {
  const { exit, oomKills, memoryLimitBytes, output } = scene;
  const signal = exit?.signal;
  const limit = memoryLimitBytes === undefined ? "no limit" : `a limit of ${showBytes(memoryLimitBytes)}`;
  const common = [
    memoryFact(scene),
    collectionsFact(scene.collections),
    jobsFact(scene),
    ...locksFact(scene.lostLocks),
  ];
  const fatal = fatalError(output);
  if (signal === "SIGKILL" && oomKills) {
    return {
      kind: "oom-kill",
      what: `The kernel killed the worker: out of memory under ${limit} (exit code 137)`,
      facts: [`oom_kill ${oomKills}`, ...common],
      next: "raise PRODLIKE_MEMORY, or lower PRODLIKE_OLD_SPACE_MB or WORKER_CONCURRENCY",
    };
  }
  if (fatal && (signal === "SIGABRT" || signal === "SIGTRAP" || exit?.code)) {
    return {
      kind: "heap-limit",
      what: "V8 ended the worker: its heap limit was reached (exit code 134)",
      facts: [ofWorker(fatal), ...lastCollections(output).map(ofWorker), ...common],
      next: "raise PRODLIKE_OLD_SPACE_MB if PRODLIKE_MEMORY has room, or look for what keeps the memory",
    };
  }
  if (signal) {
    const counted =
      oomKills === undefined ? "whether the kernel ran out of memory is not measured" : "oom_kill 0: not the kernel";
    return {
      kind: "killed",
      what: `Somebody ended the worker with ${signal}`,
      facts: [...(signal === "SIGKILL" ? [counted] : []), ...common],
      next: "look at who sends it: a supervisor's time limit, a script, a person",
    };
  }
  const lastWords = lastError(output);
  const error = lastWords && ofWorker(lastWords);
  if (exit?.code && error && /missing lock for job|lock mismatch for job|could not renew lock/i.test(error)) {
    return {
      kind: "lost-lock",
      what: `The worker ended because a job had lost its lock: ${error}`,
      facts: common,
      next: "look at what blocks its thread for longer than BullMQ's lockDuration, or raise that",
    };
  }
  if (exit?.code) {
    return {
      kind: "uncaught-error",
      what: `The worker ended with exit code ${exit.code}${error ? `: ${error}` : ""}`,
      facts: common,
      next: "look at its log",
    };
  }
  const how = exit ? "with exit code 0, which nobody had asked for" : "and nobody saw how";
  return { kind: "ended", what: `The worker ended ${how}`, facts: common, next: "look at its log" };
}

/** What the application wrote or named, as it may stand in a line of ours. */
function ofWorker(text: string): string {
  return shown(text, MAX_CHARACTERS);
}

function locksFact(lostLocks: DeathScene["lostLocks"]): string[] {
  if (typeof lostLocks !== "number") return [`lost locks: not measured: ${lostLocks.notMeasured}`];
  const locks = lostLocks === 1 ? "the lock of 1 job" : `the locks of ${lostLocks} jobs`;
  return lostLocks ? [`before that it had lost ${locks}: it was blocked, or cut off from the store`] : [];
}

function memoryFact({ samples, samplesBy, peakBytes }: DeathScene): string {
  if (!Array.isArray(samples)) return `memory before: not measured: ${samples.notMeasured}`;
  const last = samples.at(-1);
  const first = samples[0];
  if (!last || !first) return "memory before: not measured: it ended before it was looked at";
  const peak = peakBytes ?? Math.max(...samples.map(({ bytes }) => bytes));
  const seconds = ((last.atMs - first.atMs) / 1_000).toFixed(0);
  return `memory: ${showBytes(first.bytes)} -> ${showBytes(last.bytes)} in the last ${seconds} s, peak ${showBytes(peak)}${samplesBy ? ` (${samplesBy})` : ""}`;
}

function collectionsFact(collections: DeathScene["collections"]): string {
  if (!Array.isArray(collections)) return `garbage collections: not measured: ${collections.notMeasured}`;
  const each = collections.map(({ kind, count, seconds }) => `${ofWorker(kind)} ${count} in ${seconds.toFixed(2)} s`);
  return `garbage collections in the last minute: ${each.join(", ")}`;
}

function jobsFact({ jobs, lockDurationMs }: DeathScene): string {
  if (!Array.isArray(jobs)) return `jobs that were running: not measured: ${jobs.notMeasured}`;
  if (jobs.length === 0) return "no job was running";
  const some = jobs.slice(0, 5).map(ofWorker).join(", ");
  const again = lockDurationMs === undefined ? "" : `; their locks run out within ${lockDurationMs / 1e3} s`;
  return `jobs that were running: ${jobs.length} (${some}${jobs.length > 5 ? ", ..." : ""})${again}`;
}
