// What the tax benchmark measures: variants, loads, and how much of each.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "../../src/settings/environment.ts";

/** Packages of others, which the project itself does not need. */
export const OTHERS = join(ROOT, "bench", "others");

/** A worker's telemetry. */
export interface Variant {
  name: string;
  /** Environment of the worker. */
  environment: Record<string, string>;
  /** Its jobs come from a traced API. */
  isTraced: boolean;
  /** Its packages are those of `bench/others`. */
  isOther: boolean;
}

/** From `off` to `profiler` each adds to the one before. */
export const VARIANTS: Variant[] = [
  own("bare", {}),
  own("off", { TELEMETRY: "prodlike" }),
  own("traced", { TELEMETRY: "prodlike", OTEL_ENABLED: "true", PRODLIKE_LEDGER: "off" }),
  own("ledger", { TELEMETRY: "prodlike", OTEL_ENABLED: "true" }),
  own("profiler", { TELEMETRY: "prodlike", OTEL_ENABLED: "true", PROFILING: "on" }),
  other("by-hand", "by_hand.mjs"),
  other("full-sdk", "full_sdk.mjs"),
];
const FEW = VARIANTS.filter(({ name }) => ["bare", "off", "profiler"].includes(name));

export interface Load {
  workload: "no-op" | "cpu-5ms" | "review";
  load: "saturated" | "paced";
  warmUp: number;
  /** Jobs of one turn: less than a second. */
  jobs: number;
  /** Of each worker in a round. */
  turns: number;
}

/** Jobs a second when paced. */
export const RATE = 2_000;

/** A worker goes through them in this order. The first warms up for all: only then all of the way of a job is compiled. */
const FULL: Load[] = [
  { workload: "no-op", load: "saturated", warmUp: 30_000, jobs: 6_000, turns: 5 },
  { workload: "no-op", load: "paced", warmUp: 500, jobs: 1_800, turns: 3 },
  { workload: "cpu-5ms", load: "saturated", warmUp: 20, jobs: 150, turns: 5 },
  { workload: "review", load: "saturated", warmUp: 5, jobs: 8, turns: 4 },
];
const SMOKE: Load[] = [
  { workload: "no-op", load: "saturated", warmUp: 15_000, jobs: 4_000, turns: 2 },
  { workload: "no-op", load: "paced", warmUp: 500, jobs: 1_500, turns: 1 },
  { workload: "cpu-5ms", load: "saturated", warmUp: 10, jobs: 80, turns: 1 },
  { workload: "review", load: "saturated", warmUp: 1, jobs: 4, turns: 1 },
];

/** What is measured on one Node. */
export interface Plan {
  /** The program. */
  node: string;
  version: string;
  variants: Variant[];
  loads: Load[];
  rounds: number;
}

/**
 * All on this Node, and a few variants of the no-op job on those that `test/runtimes` has; only the latter, on this Node,
 * when `NODE` chose it.
 */
export function planTax({ SIZE, NODE }: NodeJS.ProcessEnv): Plan[] {
  const isSmoke = SIZE === "smoke";
  const rounds = isSmoke ? 3 : 5;
  const loads = isSmoke ? SMOKE : FULL;
  const noOp = loads.filter(({ workload, load }) => workload === "no-op" && !(isSmoke && load === "paced"));
  const few = { variants: FEW, loads: noOp, rounds };
  const current = { node: process.execPath, version: process.versions.node };
  if (NODE) return [{ ...current, ...few }];
  return [{ ...current, variants: VARIANTS, loads, rounds }, ...otherNodes().map((other) => ({ ...other, ...few }))];
}

/** A worker with the packages of this project. */
export function own(name: string, environment: Variant["environment"]): Variant {
  return { name, environment, isTraced: "OTEL_ENABLED" in environment, isOther: false };
}

function other(name: string, file: string): Variant {
  return { name, environment: { TELEMETRY: pathToFileURL(join(OTHERS, file)).href }, isTraced: true, isOther: true };
}

function otherNodes(): { node: string; version: string }[] {
  return ["22", "24"]
    .filter((major) => major !== process.versions.node.split(".")[0])
    .map((major) => join(ROOT, "test", "runtimes", "node_modules", `node-${major}`))
    .filter((folder) => existsSync(join(folder, "bin", "node")))
    .map((folder) => ({
      node: join(folder, "bin", "node"),
      version: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version as string,
    }));
}
