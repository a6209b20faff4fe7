import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { relative } from "node:path";
import { execa } from "execa";
import { productionCommand, serviceOf } from "../application/application.ts";
import { openCgroup } from "../cgroup.ts";
import { compareLimits, type Enforcement } from "../limits/enforcement.ts";
import { removeEnforcement } from "../limits/plan_enforcement.ts";
import type { ProcessId } from "../processes/process_id.ts";
import { UserError } from "../terminal/user_error.ts";
import { readLimits, recordLimits } from "./limits_record.ts";
import { findMarked } from "./mark.ts";
import { lastText } from "./part.ts";
import { originOf } from "./part_id.ts";
import { readStore } from "./postgres.ts";
import type { PartEvent, Progress, Request } from "./protocol.ts";
import type { PartStatus, Stack, UseOptions } from "./stack.ts";
import { isUp, PARTS, type PartName, readState, runningParts, type StackState, stackFiles } from "./state.ts";
import { endStrays } from "./strays.ts";
import { command, NoSupervisorError, SupervisorLostError } from "./supervisor_client.ts";
import { collectorUrl, type Wanted } from "./wanted.ts";
import { awaitWorkerFacts } from "./worker_facts.ts";

/** The stack as processes on this machine, which a supervisor starts and watches. */
export function localStack(wanted: Wanted): Stack {
  const files = stackFiles(wanted);
  const output = (part: string) => files.output(part as PartName);
  const parts = wantedParts(wanted);
  const shown = relative(process.cwd(), files.collectorLog);
  return {
    parts,
    store: storeName(wanted),
    collectorUrl: collectorUrl(wanted),
    logCommand: `cat ${shown}`,
    outputCommand: (part) => `cat ${output(part)}`,
    up: (progress) => command(wanted, { command: "up", wanted, parts }, progress),
    use: (progress, work, options) => withStack(wanted, progress, work, options),
    down: (progress) => stackDown(wanted, progress),
    async whereJobsStay() {
      // A store that is damaged is said by the next `up`.
      const store = await readStore(files.postgres).catch(() => undefined);
      return store?.folder;
    },
    restartCollector: (progress) => restartCollector(wanted, progress),
    limitWorker: (progress) => limitWorker(wanted, progress),
    async status() {
      const state = await readState(wanted);
      const limits = await limitsOfWorker(wanted, state);
      const statuses = statusOf(wanted, state);
      if (statuses.worker && limits) statuses.worker.limits = limits;
      return statuses;
    },
    output: async (part) => lastText(output(part)),
    telemetry: async () => ({ files, refresh: async () => {}, oldError: undefined, close: async () => {} }),
    followLog: (signal) => followFile(files.collectorLog, signal),
  };
}

async function limitWorker(wanted: Wanted, progress: Progress): Promise<Enforcement[]> {
  await buildWorker(wanted, progress);
  const parts = wantedParts({ ...wanted, onlyCollector: false });
  const request: Request = { command: "limit", wanted, parts };
  await keepLimits(wanted, () => command(wanted, request, progress));
  return readEnforcement(wanted);
}

/** What holds for the worker of a record; `undefined` when it is not limited. */
async function limitsOfWorker(wanted: Wanted, state: StackState | undefined): Promise<Enforcement[] | undefined> {
  const { worker } = state?.parts ?? {};
  return worker && readLimits(wanted, identityOf(worker));
}

/** When the worker cannot be replaced, a limited one that ran before is back as another process: the same holds for that. */
async function keepLimits<T>(wanted: Wanted, replaceWorker: () => Promise<T>): Promise<T> {
  const limits = await limitsOfWorker(wanted, await readState(wanted));
  try {
    return await replaceWorker();
  } catch (error) {
    const { worker } = (await readState(wanted))?.parts ?? {};
    if (worker?.limited && limits) recordLimits(wanted, { worker: identityOf(worker), limits });
    throw error;
  }
}

/** @throws {UserError} when it cannot be built, with what its build has printed */
async function buildWorker({ application }: Wanted, { signal }: Progress): Promise<void> {
  const { build } = serviceOf(application, "worker")?.production ?? {};
  if (!build) return;
  const built = await execa(build.file, build.args, { cwd: build.cwd, all: true, reject: false, cancelSignal: signal });
  signal.throwIfAborted();
  if (built.exitCode !== 0) throw new UserError(`Cannot build the worker: ${built.all}`, { next: build.shown });
}

/** Reads back what holds for the worker, and records it. */
async function readEnforcement(wanted: Wanted): Promise<Enforcement[]> {
  const worker = (await readState(wanted))?.parts.worker;
  if (!worker?.limited) throw new UserError("Cannot limit the worker: it has ended again", { next: "make otel-up" });
  const { cpuLimit, memoryLimitBytes } = openCgroup({ pid: worker.pid }).read();
  const environment = { ...wanted.environment, ...worker.settings };
  const files = stackFiles(wanted);
  const facts = await awaitWorkerFacts({ files, refresh: async () => {} }, originOf(worker), {
    part: "worker",
    environment,
    output: lastText(files.output("worker")),
    collectorUrl: collectorUrl(wanted),
  });
  const rows = compareLimits(wanted.limits, {
    host: { cpus: cpus().length, memoryBytes: totalmem() },
    held: { cpus: cpuLimit, memoryBytes: memoryLimitBytes },
    ...{ by: worker.limited.by, command: productionCommand(wanted.application)?.shown ?? "", facts },
  });
  recordLimits(wanted, { worker: identityOf(worker), limits: rows });
  return rows;
}

function identityOf({ pid, started }: ProcessId): string {
  return `${pid} ${started}`;
}

function wantedParts({ onlyCollector, queueUrl, application }: Wanted): PartName[] {
  if (onlyCollector) return ["collector"];
  const hasStore = "variable" in application.store && queueUrl === undefined;
  return PARTS.filter((part) => {
    if (part === "postgres") return hasStore;
    return part === "collector" || serviceOf(application, part);
  });
}

function storeName({ queueUrl, application: { store } }: Wanted): string {
  if ("name" in store) return store.name;
  return queueUrl ? new URL(queueUrl).protocol.slice(0, -1) : "postgres (embedded)";
}

function statusOf(wanted: Wanted, state: StackState | undefined): Record<string, PartStatus> {
  const running = runningParts(state);
  const statuses: Record<string, PartStatus> = {};
  for (const [name, { ready, exit, death, settings }] of Object.entries(state?.parts ?? {})) {
    statuses[name] = {
      isRunning: running.includes(name as PartName),
      isReady: ready,
      environment: { ...wanted.environment, ...settings },
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
  wanted: Wanted,
  progress: Progress,
  work: () => Promise<T>,
  { limited = false }: UseOptions = {},
): Promise<T> {
  if (limited) await buildWorker(wanted, progress);
  let isOwn = false;
  let outcome: PromiseSettledResult<T> | undefined;
  const onEvent = (event: PartEvent) => {
    isOwn ||= event.phase === "starting";
    progress.onEvent(event);
  };
  const use = async () => {
    const prepared = limited ? readEnforcement(wanted) : Promise.resolve();
    [outcome] = await Promise.allSettled([prepared.then(work)]);
  };
  try {
    const parts = wantedParts(wanted);
    const request: Request = { command: "use", wanted, parts, limited };
    await keepLimits(wanted, () => command(wanted, request, { ...progress, onEvent }, use));
  } catch (error) {
    // Without the supervisor nobody else ends what was started for this alone.
    const unstoppable = new AbortController().signal;
    if (error instanceof SupervisorLostError && isOwn) await stackDown(wanted, { ...progress, signal: unstoppable });
    if (!outcome) throw error;
    progress.say(`The stack was not left as it was found: ${(error as Error).message}`);
  }
  if (outcome?.status === "fulfilled") return outcome.value;
  throw outcome?.reason;
}

/** Ends also what a supervisor that died left behind, and when none can be started, as on a full disk, all by itself. */
async function stackDown(wanted: Wanted, progress: Progress): Promise<PartName[]> {
  const state = await readState(wanted);
  const marked = findMarked(wanted.root);
  if (!state && marked.length === 0) return [];
  try {
    return await command(wanted, { command: "down" }, progress);
  } catch (error) {
    if (!(error instanceof NoSupervisorError)) throw error;
    progress.say(`${error.message}; what runs is ended without it.`);
    const ended = await endStrays(wanted.root, [], progress);
    await removeEnforcement(state?.parts.worker?.limited?.folders ?? []);
    return ended;
  }
}

async function restartCollector(wanted: Wanted, progress: Progress): Promise<void> {
  if (!isUp(await readState(wanted))) {
    throw new UserError("Cannot restart the collector: no stack is up", { next: "make otel-up" });
  }
  await command(wanted, { command: "restart", part: "collector", wanted }, progress);
}
