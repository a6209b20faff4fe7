import { productionCommand } from "../../application/application.ts";
import { compareLimits, type Enforcement } from "../../limits/enforcement.ts";
import { UserError } from "../../terminal/user_error.ts";
import { readLimits, recordLimits } from "../limits_record.ts";
import type { Progress } from "../protocol.ts";
import type { Wanted } from "../wanted.ts";
import { awaitWorkerFacts } from "../worker_facts.ts";
import { type ComposeCli, type Container, composeCli, originOf } from "./cli.ts";
import { composeEnvironment, FILES, PRODLIKE_FILE, wantedServices, writeSettings } from "./settings.ts";
import { COLLECTOR_URL, composeTelemetry } from "./telemetry.ts";
import { start, undo, up } from "./up.ts";

/**
 * Replaces the worker, which first finishes its jobs, by the built one under the limits; starts what else is missing. When
 * that fails or is interrupted, the worker that ran before comes back.
 */
export async function limitWorker(wanted: Wanted, cli: ComposeCli, progress: Progress): Promise<Enforcement[]> {
  const { limits } = wanted;
  const info = await cli.engine(["info", "--format", "{{.NCPU}} {{.MemTotal}}"]);
  const [hostCpus, hostBytes] = info.trim().split(" ").map(Number) as [number, number];
  const others = wantedServices(wanted).filter((service) => service !== "worker");
  const running = (await cli.containers()).filter(({ state }) => state === "running");
  const started = await up(wanted, cli, others, progress);
  // The engine refuses more CPUs than there are.
  const environment = { ...composeEnvironment(wanted), PRODLIKE_CPUS: String(Math.min(limits.cpus, hostCpus)) };
  const files = [...FILES, PRODLIKE_FILE, writeSettings(wanted, limits.environment)];
  try {
    await start(wanted, composeCli(wanted, files, environment), ["worker"], progress);
  } catch (error) {
    const before = running.find(({ service }) => service === "worker");
    if (before) await bringBack(wanted, cli, before, progress);
    await undo(cli, before ? started : [...started, "worker"], running);
    if (!before || !(error instanceof UserError)) throw error;
    const { message, next } = error;
    throw new UserError(`${message}; the worker that ran before is back`, { ...(next ? { next } : {}), cause: error });
  }

  const worker = await findWorker(cli);
  const rows = compareLimits(limits, {
    host: { cpus: hostCpus, memoryBytes: hostBytes },
    held: { cpus: worker.cpus || undefined, memoryBytes: worker.memoryBytes || undefined },
    ...{
      by: "the container",
      command: productionCommand(wanted.application)?.shown ?? "",
      facts: await factsOf(wanted, cli, worker),
    },
  });
  recordLimits(wanted, { worker: worker.id, limits: rows });
  return rows;
}

/** What the worker has sent of itself, or why that is not known. */
async function factsOf(wanted: Wanted, cli: ComposeCli, worker: Container) {
  const telemetry = await composeTelemetry(wanted, cli);
  try {
    const output = await cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", "worker"]);
    const { environment } = worker;
    const clues = { part: "worker", environment, output, collectorUrl: COLLECTOR_URL } as const;
    return await awaitWorkerFacts(telemetry, originOf(wanted, worker), clues);
  } finally {
    await telemetry.close();
  }
}

/** Replaces the limited worker by the usual one. */
export async function restoreWorker(wanted: Wanted, progress: Progress): Promise<void> {
  const withSettings = composeCli(wanted, [...FILES, writeSettings(wanted)], composeEnvironment(wanted));
  await start(wanted, withSettings, ["worker"], progress);
}

/** Compose has removed its container: one of the same kind is made, under the limits that it had. */
async function bringBack(
  wanted: Wanted,
  cli: ComposeCli,
  before: Container,
  { say, onEvent }: Progress,
): Promise<void> {
  const progress = { say, onEvent, signal: new AbortController().signal }; // also for a command that was interrupted
  const limits = await readLimits(wanted, before.id);
  if (!limits) return restoreWorker(wanted, progress);
  const { cpus, memoryBytes, environment } = before;
  const held = { PRODLIKE_CPUS: String(cpus), PRODLIKE_MEMORY: String(memoryBytes) };
  const files = [...FILES, PRODLIKE_FILE, writeSettings(wanted, environment)];
  await start(wanted, composeCli(wanted, files, { ...composeEnvironment(wanted), ...held }), ["worker"], progress);
  recordLimits(wanted, { worker: (await findWorker(cli)).id, limits });
}

async function findWorker(cli: ComposeCli): Promise<Container> {
  return (await cli.containers()).find(({ service }) => service === "worker")!; // it is ready
}
