import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { findMechanism } from "../../src/limits/mechanism.ts";
import {
  type EnforcementPlan,
  planEnforcement,
  prepareEnforcement,
  removeEnforcement,
} from "../../src/limits/plan_enforcement.ts";
import { ROOT } from "../../src/settings/environment.ts";
import { RUN_TYPESCRIPT } from "../../src/settings/runtime.ts";
import { machineMs } from "./thread_clock.ts";
import type { Parts, Truth } from "./true_parts.ts";

/** One part of one workload, ms: as it was and as the ledger says. */
export interface TruthRow {
  workload: string;
  part: string;
  truth_ms: number;
  measured_ms: number;
  /** Others had the CPU for so long where it makes a difference: the bounds are wider by that. */
  noise_ms: number;
  /** It is within bounds. */
  ok: boolean;
}

/** Workloads under a quota are named so. */
const QUOTA = "0.5 CPUs";
/** Workloads in which a callback of somebody else stands between the jobs and what they wait for. */
const UNSEEN = /I\/O|mixed/;
/** Parts of the recorded work itself: of a pause for garbage that others prolong nobody recorded that it was one. */
const IN_OWN_WORK = new Set(["cpu", "gc"]);
/** Each part within 5 % or this, ms. */
const TOLERANCE_MS = 10;
const TOLERANCE_SHARE = 0.05;
/** A workload is run so often at the most, and once when others had the CPU for no longer than this, ms. */
const TRIES = 3;
const QUIET_MS = 3;

/** Runs workloads, each in a process of its own, and compares every part with the truth. */
export async function measureTruth(names: string[], toleranceMs = TOLERANCE_MS): Promise<TruthRow[]> {
  const server = await startAnswering();
  const { port } = server.address() as { port: number };
  try {
    const rows: TruthRow[] = [];
    const mechanism = findMechanism(thisSystem());
    for (const name of names) {
      if (mechanism.name === "V8 flags" && name.startsWith(QUOTA)) {
        process.stderr.write(`SKIPPED: ${name}: ${mechanism.reason}\n`);
        continue;
      }
      rows.push(...(await measure({ workload: name, port, toleranceMs })));
    }
    return rows;
  } finally {
    server.close();
  }
}

/** Answers "<ms>\\n" after so many ms with `machineMs`. */
async function startAnswering(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      setTimeout(() => socket.write(`${machineMs()}\n`), Number(data));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

interface Measured {
  workload: string;
  /** Of the process that answers. */
  port: number;
  toleranceMs: number;
}

/** What happened to one job. */
interface Outcome {
  measured: Parts;
  truth: Truth;
}

/** The quietest of some tries: the machine may give the CPU to others in the middle. */
async function measure({ workload, port, toleranceMs }: Measured): Promise<TruthRow[]> {
  let best: Outcome[] = [];
  for (let tries = 0; tries < TRIES && noise(best) > QUIET_MS; tries++) {
    const outcomes = await runChild(workload, port);
    if (noise(outcomes) < noise(best)) best = outcomes;
  }
  return Object.keys(best[0]!.truth.parts).map((part) => {
    const rows = best.map((outcome) => compare({ workload, part, toleranceMs }, outcome));
    // Of many jobs the one that is furthest off, before all one that is out of bounds.
    return rows.reduce((worst, row) =>
      worst.ok > row.ok || (worst.ok === row.ok && off(row) > off(worst)) ? row : worst,
    );
  });
}

function noise(outcomes: Outcome[]): number {
  return outcomes.length
    ? Math.max(...outcomes.map(({ truth }) => truth.stolenMs.own + truth.stolenMs.between))
    : Infinity;
}

async function runChild(workload: string, port: number): Promise<Outcome[]> {
  const quota = workload.startsWith(QUOTA) ? planQuota(0.5) : undefined;
  if (quota) prepareEnforcement(quota);
  const script = ["--import", RUN_TYPESCRIPT, join(ROOT, "bench/truth/child.ts"), workload, String(port)];
  const [file = "", ...args] = [...(quota?.prefix ?? []), process.execPath, ...script];
  const child = spawn(file, args, { cwd: ROOT, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  const [code] = await once(child, "close");
  if (quota) await removeEnforcement(quota.folders);
  if (code !== 0) throw new Error(`Cannot measure "${workload}": its process ended with exit code ${code}`);
  return JSON.parse(output).jobs;
}

function planQuota(cpus: number): EnforcementPlan {
  const name = `prodlike-truth-${process.pid}`;
  return planEnforcement(findMechanism(thisSystem()), name, { cpus, memoryBytes: 2 ** 30 });
}

function thisSystem() {
  return { uid: process.getuid?.(), platform: process.platform, path: process.env.PATH ?? "" };
}

function compare(
  { workload, part, toleranceMs }: { workload: string; part: string; toleranceMs: number },
  { measured, truth: { parts, stolenMs } }: Outcome,
): TruthRow {
  const true_ms = parts[part]!;
  // Where it cannot be seen when a job could have continued, both ends are reported: the truth lies between.
  const { blocked = 0, overlapped = 0 } = measured;
  const most = UNSEEN.test(workload) ? measured.blocked_max! : blocked;
  const [low, high] =
    part === "blocked"
      ? [blocked, most]
      : part === "overlapped"
        ? [overlapped - (most - blocked), overlapped]
        : [measured[part]!, measured[part]!];
  const measured_ms = Math.min(Math.max(true_ms, low), high);
  const within =
    part === "unexplained" ? TOLERANCE_SHARE * parts.run! : Math.max(TOLERANCE_SHARE * true_ms, toleranceMs);
  const noiseMs = stolenMs.between + (IN_OWN_WORK.has(part) ? stolenMs.own : 0);
  return {
    workload,
    part,
    truth_ms: round(true_ms),
    measured_ms: round(measured_ms),
    noise_ms: round(noiseMs),
    ok: Math.abs(measured_ms - true_ms) <= within + noiseMs,
  };
}

function off({ truth_ms, measured_ms }: TruthRow): number {
  return Math.abs(truth_ms - measured_ms);
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
