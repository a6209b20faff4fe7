import { compareLimits, type Enforcement } from "../../limits/enforcement.ts";
import type { Config } from "../../settings/config.ts";
import { UserError } from "../../terminal/user_error.ts";
import { readLimits, recordLimits } from "../limits_record.ts";
import { BUILT_WORKER } from "../plan.ts";
import type { Progress } from "../protocol.ts";
import { awaitWorkerFacts } from "../worker_facts.ts";
import { type ComposeCli, type Container, composeCli, originOf } from "./cli.ts";
import { composeEnvironment, FILES, PRODLIKE_FILE, wantedServices, writeSettings } from "./settings.ts";
import { COLLECTOR_URL, composeTelemetry } from "./telemetry.ts";
import { start, undo, up } from "./up.ts";

/**
 * Replaces the worker, which first finishes its jobs, by the built one under the limits; starts what else is missing. When
 * that fails or is interrupted, the worker that ran before comes back.
 */
export async function limitWorker(config: Config, cli: ComposeCli, progress: Progress): Promise<Enforcement[]> {
  const { limits } = config;
  const info = await cli.engine(["info", "--format", "{{.NCPU}} {{.MemTotal}}"]);
  const [hostCpus, hostBytes] = info.trim().split(" ").map(Number) as [number, number];
  const others = wantedServices(config).filter((service) => service !== "worker");
  const running = (await cli.containers()).filter(({ state }) => state === "running");
  const started = await up(config, cli, others, progress);
  // The engine refuses more CPUs than there are.
  const environment = { ...composeEnvironment(config), PRODLIKE_CPUS: String(Math.min(limits.cpus, hostCpus)) };
  const files = [...FILES, PRODLIKE_FILE, writeSettings(config, limits.environment)];
  try {
    await start(config, composeCli(config, files, environment), ["worker"], progress);
  } catch (error) {
    const before = running.find(({ service }) => service === "worker");
    if (before) await bringBack(config, cli, before, progress);
    await undo(cli, before ? started : [...started, "worker"], running);
    if (!before || !(error instanceof UserError)) throw error;
    const { message, next } = error;
    throw new UserError(`${message}; the worker that ran before is back`, { ...(next ? { next } : {}), cause: error });
  }

  const worker = await findWorker(cli);
  const rows = compareLimits(limits, {
    host: { cpus: hostCpus, memoryBytes: hostBytes },
    held: { cpus: worker.cpus || undefined, memoryBytes: worker.memoryBytes || undefined },
    ...{ by: "the container", command: BUILT_WORKER, facts: await factsOf(config, cli, worker) },
  });
  recordLimits(config, { worker: worker.id, limits: rows });
  return rows;
}

/** What the worker has sent of itself, or why that is not known. */
async function factsOf(config: Config, cli: ComposeCli, worker: Container) {
  const telemetry = await composeTelemetry(config, cli);
  try {
    const output = await cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", "worker"]);
    const { environment } = worker;
    const clues = { part: "worker", environment, output, collectorUrl: COLLECTOR_URL } as const;
    return await awaitWorkerFacts(telemetry, originOf(config, worker), clues);
  } finally {
    await telemetry.close();
  }
}

/** Replaces the limited worker by the usual one. */
export async function restoreWorker(config: Config, progress: Progress): Promise<void> {
  const withSettings = composeCli(config, [...FILES, writeSettings(config)], composeEnvironment(config));
  await start(config, withSettings, ["worker"], progress);
}

/** Compose has removed its container: one of the same kind is made, under the limits that it had. */
async function bringBack(
  config: Config,
  cli: ComposeCli,
  before: Container,
  { say, onEvent }: Progress,
): Promise<void> {
  const progress = { say, onEvent, signal: new AbortController().signal }; // also for a command that was interrupted
  const limits = await readLimits(config, before.id);
  if (!limits) return restoreWorker(config, progress);
  const { cpus, memoryBytes, environment } = before;
  const held = { PRODLIKE_CPUS: String(cpus), PRODLIKE_MEMORY: String(memoryBytes) };
  const files = [...FILES, PRODLIKE_FILE, writeSettings({ ...config, workerEnv: environment })];
  await start(config, composeCli(config, files, { ...composeEnvironment(config), ...held }), ["worker"], progress);
  recordLimits(config, { worker: (await findWorker(cli)).id, limits });
}

async function findWorker(cli: ComposeCli): Promise<Container> {
  return (await cli.containers()).find(({ service }) => service === "worker")!; // it is ready
}
