import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { relative } from "node:path";
import { execa } from "execa";
import { openCgroup } from "../cgroup.ts";
import { compareLimits, type Enforcement } from "../limits/enforcement.ts";
import { removeEnforcement } from "../limits/plan_enforcement.ts";
import type { ProcessId } from "../processes/process_id.ts";
import type { Config } from "../settings/config.ts";
import { UserError } from "../terminal/user_error.ts";
import { readLimits, recordLimits } from "./limits_record.ts";
import { findMarked } from "./mark.ts";
import { lastText } from "./part.ts";
import { BUILT_WORKER } from "./plan.ts";
import { readStore } from "./postgres.ts";
import type { PartEvent, Progress, Request } from "./protocol.ts";
import type { PartStatus, Stack, UseOptions } from "./stack.ts";
import { isUp, PARTS, type PartName, readState, runningParts, type StackState, stackFiles } from "./state.ts";
import { endStrays } from "./strays.ts";
import { command, NoSupervisorError, SupervisorLostError } from "./supervisor_client.ts";
import { awaitWorkerFacts } from "./worker_facts.ts";

/** The stack as processes on this machine, which a supervisor starts and watches. */
export function localStack(config: Config): Stack {
  const files = stackFiles(config);
  const output = (part: string) => files.output(part as PartName);
  const wanted = wantedParts(config);
  const shown = relative(process.cwd(), files.collectorLog);
  return {
    parts: wanted,
    store: config.queueUrl ? new URL(config.queueUrl).protocol.slice(0, -1) : "postgres (embedded)",
    collectorUrl: urlOf(config),
    logCommand: `cat ${shown}`,
    outputCommand: (part) => `cat ${output(part)}`,
    up: (progress) => command(config, { command: "up", environment: config.environment, parts: wanted }, progress),
    use: (progress, work, options) => withStack(config, progress, work, options),
    down: (progress) => stackDown(config, progress),
    async whereJobsStay() {
      // A store that is damaged is said by the next `up`.
      const store = await readStore(files.postgres).catch(() => undefined);
      return store?.folder;
    },
    restartCollector: (progress) => restartCollector(config, progress),
    limitWorker: (progress) => limitWorker(config, progress),
    async status() {
      const state = await readState(config);
      const limits = await limitsOfWorker(config, state);
      const statuses = statusOf(config, state);
      if (statuses.worker && limits) statuses.worker.limits = limits;
      return statuses;
    },
    output: async (part) => lastText(output(part)),
    telemetry: async () => ({ files, refresh: async () => {}, oldError: undefined, close: async () => {} }),
    followLog: (signal) => followFile(files.collectorLog, signal),
  };
}

async function limitWorker(config: Config, progress: Progress): Promise<Enforcement[]> {
  await buildWorker(config, progress);
  const parts = wantedParts({ ...config, onlyCollector: false });
  const request: Request = { command: "limit", environment: config.environment, parts };
  await keepLimits(config, () => command(config, request, progress));
  return readEnforcement(config);
}

/** What holds for the worker of a record; `undefined` when it is not limited. */
async function limitsOfWorker(config: Config, state: StackState | undefined): Promise<Enforcement[] | undefined> {
  const { worker } = state?.parts ?? {};
  return worker && readLimits(config, identityOf(worker));
}

/** When the worker cannot be replaced, a limited one that ran before is back as another process: the same holds for that. */
async function keepLimits<T>(config: Config, replaceWorker: () => Promise<T>): Promise<T> {
  const limits = await limitsOfWorker(config, await readState(config));
  try {
    return await replaceWorker();
  } catch (error) {
    const { worker } = (await readState(config))?.parts ?? {};
    if (worker?.limited && limits) recordLimits(config, { worker: identityOf(worker), limits });
    throw error;
  }
}

async function buildWorker({ root }: Config, { signal }: Progress): Promise<void> {
  const built = await execa("npm", ["run", "--silent", "build:worker", "--", "--log-level=warning"], {
    cwd: root,
    all: true,
    reject: false,
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (built.exitCode !== 0)
    throw new UserError(`Cannot build the worker: ${built.all}`, { next: "npm run build:worker" });
}

/** Reads back what holds for the worker, and records it. */
async function readEnforcement(config: Config): Promise<Enforcement[]> {
  const worker = (await readState(config))?.parts.worker;
  if (!worker?.limited) throw new UserError("Cannot limit the worker: it has ended again", { next: "make otel-up" });
  const { cpuLimit, memoryLimitBytes } = openCgroup({ pid: worker.pid }).read();
  const environment = { ...config.environment, ...worker.settings };
  const files = stackFiles(config);
  const facts = await awaitWorkerFacts(
    { files, refresh: async () => {} },
    { service: environment.OTEL_SERVICE_NAME ?? "", resource: { "process.pid": worker.pid } },
    { part: "worker", environment, output: lastText(files.output("worker")), collectorUrl: urlOf(config) },
  );
  const rows = compareLimits(config.limits, {
    host: { cpus: cpus().length, memoryBytes: totalmem() },
    held: { cpus: cpuLimit, memoryBytes: memoryLimitBytes },
    ...{ by: worker.limited.by, command: BUILT_WORKER, facts },
  });
  recordLimits(config, { worker: identityOf(worker), limits: rows });
  return rows;
}

function urlOf({ otlpPort }: Config): string {
  return `http://127.0.0.1:${otlpPort}`;
}

function identityOf({ pid, started }: ProcessId): string {
  return `${pid} ${started}`;
}

function wantedParts(config: Config): PartName[] {
  if (config.onlyCollector) return ["collector"];
  return PARTS.filter((part) => part !== "postgres" || config.queueUrl === undefined);
}

function statusOf(config: Config, state: StackState | undefined): Record<string, PartStatus> {
  const running = runningParts(state);
  const statuses: Record<string, PartStatus> = {};
  for (const [name, { ready, exit, death, settings }] of Object.entries(state?.parts ?? {})) {
    statuses[name] = {
      isRunning: running.includes(name as PartName),
      isReady: ready,
      environment: { ...config.environment, ...settings },
      ...(exit === undefined ? {} : { exit }),
      ...(death ? { death } : {}),
    };
  }
  return statuses;
}

async function followFile(file: string, signal: AbortSignal): Promise<void> {
  if (!existsSync(file)) {
    throw new UserError("Cannot follow the collector's log: there is none", { next: "make otel-up" });
  }
  // -F: goes on with the new file after a rotation. Ctrl-C is how one stops following, so it is no failure.
  await execa("tail", ["-n", "50", "-F", file], {
    stdio: ["ignore", "inherit", "ignore"],
    cancelSignal: signal,
    reject: false,
  });
}

/** The supervisor lends the stack for `work`, or until this process ends, however it ends. */
async function withStack<T>(
  config: Config,
  progress: Progress,
  work: () => Promise<T>,
  { limited = false }: UseOptions = {},
): Promise<T> {
  if (limited) await buildWorker(config, progress);
  let isOwn = false;
  let outcome: PromiseSettledResult<T> | undefined;
  const onEvent = (event: PartEvent) => {
    isOwn ||= event.phase === "starting";
    progress.onEvent(event);
  };
  const use = async () => {
    const prepared = limited ? readEnforcement(config) : Promise.resolve();
    [outcome] = await Promise.allSettled([prepared.then(work)]);
  };
  try {
    const parts = wantedParts(config);
    const request: Request = { command: "use", environment: config.environment, parts, limited };
    await keepLimits(config, () => command(config, request, { ...progress, onEvent }, use));
  } catch (error) {
    // Without the supervisor nobody else ends what was started for this alone.
    const unstoppable = new AbortController().signal;
    if (error instanceof SupervisorLostError && isOwn) await stackDown(config, { ...progress, signal: unstoppable });
    if (!outcome) throw error;
    progress.say(`The stack was not left as it was found: ${(error as Error).message}`);
  }
  if (outcome?.status === "fulfilled") return outcome.value;
  throw outcome?.reason;
}

/** Ends also what a supervisor that died left behind, and when none can be started, as on a full disk, all by itself. */
async function stackDown(config: Config, progress: Progress): Promise<PartName[]> {
  const state = await readState(config);
  const marked = findMarked(config.root);
  if (!state && marked.length === 0) return [];
  try {
    return await command(config, { command: "down" }, progress);
  } catch (error) {
    if (!(error instanceof NoSupervisorError)) throw error;
    progress.say(`${error.message}; what runs is ended without it.`);
    const ended = await endStrays(config.root, [], progress);
    await removeEnforcement(state?.parts.worker?.limited?.folders ?? []);
    return ended;
  }
}

async function restartCollector(config: Config, progress: Progress): Promise<void> {
  if (!isUp(await readState(config))) {
    throw new UserError("Cannot restart the collector: no stack is up", { next: "make otel-up" });
  }
  await command(config, { command: "restart", part: "collector", environment: config.environment }, progress);
}
