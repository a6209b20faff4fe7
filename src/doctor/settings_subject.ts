import { readFileSync } from "node:fs";
import type { Environment } from "../settings/environment.ts";
import { heapFlags } from "../settings/limits.ts";
import { currentRuntime, runtimeVersion } from "../settings/runtime.ts";
import type { Settings } from "../settings/settings.ts";
import type { OptionSource } from "./node_options.ts";
import type { Subject } from "./subject.ts";

/**
 * The worker as the settings would run it: `node dist/worker.js` under `PRODLIKE_*`. `measured`: the memory that one job
 * took in a recorded run, when there is one.
 */
export function settingsSubject(
  { stack, services }: Pick<Settings, "stack" | "services">,
  measured?: { bytes: number; run: string },
): Subject {
  const { limits } = stack;
  const isCompose = stack.kind === "compose";
  const runtime = isCompose ? "node" : stack.runtime;
  const heap = heapFlags(limits);
  const own: Environment = runtime === "deno" ? { DENO_V8_FLAGS: heap.join() } : { NODE_OPTIONS: heap.join(" ") };
  // The nearer to the process, the later. The shell's own heap flags are not among them: the settings replace them.
  const places: [where: string, values: Environment][] = [
    ["PRODLIKE_OLD_SPACE_MB and PRODLIKE_SEMI_SPACE_MB", own],
    ["PRODLIKE_ENV", limits.environment],
    ["WORKER_ENV", services.workerEnv],
  ];
  const threadpool = lastOf("UV_THREADPOOL_SIZE", isCompose ? places : [["environment", stack.environment], ...places]);
  return {
    name: "worker (settings)",
    runtime,
    nodeMajor: isCompose ? IMAGE_NODE_MAJOR : currentNodeMajor(),
    cpus: { where: "PRODLIKE_CPUS", value: limits.cpus },
    memory: [{ where: "PRODLIKE_MEMORY", value: limits.memoryBytes }],
    // Whatever enforces it allows no swap.
    memorySwap: { where: "PRODLIKE_MEMORY", value: limits.memoryBytes },
    options: places.flatMap(([where, values]) => optionsOf(where, values)),
    unusedOptions: [],
    heapSettings: { old: "PRODLIKE_OLD_SPACE_MB", semi: "PRODLIKE_SEMI_SPACE_MB" },
    concurrency: { where: "WORKER_CONCURRENCY", value: services.workerConcurrency },
    ...(measured ? { bytesPerJob: { where: `run ${measured.run}`, value: measured.bytes } } : {}),
    ...(threadpool ? { threadpool } : {}),
  };
}

/** Node in the images of compose/Dockerfile. */
const IMAGE_NODE_MAJOR = 20;

function currentNodeMajor(): number | undefined {
  return currentRuntime === "node" ? Number.parseInt(runtimeVersion, 10) : undefined;
}

/** The options of the runtime among these variables. */
export function optionsOf(where: string, values: Environment): OptionSource[] {
  return (["NODE_OPTIONS", "DENO_V8_FLAGS"] as const).flatMap((kind) => {
    const text = values[kind];
    return text === undefined ? [] : [{ where, kind, text }];
  });
}

/** The value of a variable in the last place that has it. */
export function lastOf(name: string, places: [where: string, values: Environment][]) {
  const [where, values] = places.findLast(([, each]) => each[name] !== undefined) ?? [];
  return where === undefined ? undefined : { where, value: values![name]! };
}

/** Swap of this machine in bytes; `undefined` where there is no /proc. */
export function readHostSwap(): number | undefined {
  try {
    const [, kib] = /^SwapTotal:\s+(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1_024;
  } catch {
    return undefined; // macOS: Docker has a machine of its own there
  }
}
