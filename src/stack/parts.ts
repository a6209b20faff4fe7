import { existsSync, rmSync, statSync, truncateSync } from "node:fs";
import { rm } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import type { Config } from "../config.ts";
import { removeEnforcement } from "../limits/plan_enforcement.ts";
import { watchProcess } from "../limits/samples.ts";
import { UserError } from "../user_error.ts";
import { explainWorker } from "./explain_worker.ts";
import { hasLock } from "./lock.ts";
import { findMarked } from "./mark.ts";
import { adoptPart, endPart, type Part, startPart } from "./part.ts";
import { type PartPlan, planEntry, planLimitedWorker, planPostgres, refuseOtherSettings } from "./plan.ts";
import { requireFree } from "./ports.ts";
import { planStore } from "./postgres.ts";
import { isAlive } from "./process_id.ts";
import type { PartsProgress } from "./protocol.ts";
import {
  PARTS,
  type PartName,
  type PartState,
  runningParts,
  type StackState,
  stackFiles,
  writeState,
} from "./state.ts";

/** A log of a part is emptied when it exceeds this, in bytes. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** The parts that one supervisor looks after, and their record in the state file. */
export class Parts {
  readonly #config: Config;
  readonly #state: StackState;
  readonly #running = new Map<PartName, Part>();
  readonly #ending = new Set<PartName>();
  /** The folder of the queue store. */
  #store: string | undefined;

  /** Takes over what still runs of `state`, the record of a supervisor that died. */
  constructor(config: Config, supervisor: StackState["supervisor"], state: StackState | undefined) {
    this.#config = config;
    // When none runs, as after a restart of the machine, there is nothing to take over and nothing to say.
    this.#state = { version: 1, supervisor, parts: (runningParts(state).length > 0 && state?.parts) || {} };
    for (const name of PARTS) {
      const part = this.#state.parts[name];
      if (!part || part.exit !== undefined) continue;
      if (isAlive(part)) this.#watch(name, adoptPart(part));
      else Object.assign(part, { exit: null, ready: false });
    }
    this.#save();
  }

  /** Ends what carries this checkout's mark and is on no record, as when a supervisor was killed and its state removed. */
  async endStrays({ onEvent }: Pick<PartsProgress, "onEvent">): Promise<PartName[]> {
    const known = [...this.#running.values()].map(({ id }) => id.pid);
    const strays = findMarked(this.#config.root).filter(({ id }) => !known.includes(id.pid));
    const ended = PARTS.filter((name) => strays.some((stray) => stray.name === name));
    for (const part of ended) {
      onEvent({ part, phase: "stray" });
      for (const { id } of strays.filter(({ name }) => name === part)) await endPart(part, id, onEvent);
    }
    return ended;
  }

  /**
   * Starts those of `names` that do not run, and nothing else. When one of them fails or `signal` aborts, those that
   * were started are ended again.
   *
   * @throws {UserError} for a port that is taken, a part that does not start, or running parts that have other settings
   */
  async start(config: Config, names: PartName[], progress: PartsProgress): Promise<PartName[]> {
    const missing = names.filter((name) => !this.isRunning(name));
    if (missing.includes("api")) await requireFree("API_PORT", config.apiPort);
    if (missing.includes("collector")) await requireFree("OTLP_PORT", config.otlpPort);
    if (missing.includes("collector") && config.profiling) await requireFree("PYROSCOPE_PORT", config.pyroscopePort);
    const plans = await this.#plan(config, names);
    refuseOtherSettings(
      plans.filter(({ name }) => !missing.includes(name)),
      this.#state,
    );
    await this.#startAll(
      plans.filter(({ name }) => missing.includes(name)),
      progress,
    );
    return missing;
  }

  /**
   * Starts what is missing of `names`, and the built worker under the production limits in place of the one that runs,
   * which first finishes its jobs.
   *
   * @throws {UserError} as `start`; then there is no worker
   */
  async limitWorker(config: Config, names: PartName[], progress: PartsProgress): Promise<PartName[]> {
    const others = names.filter((name) => name !== "worker");
    const started = await this.start(config, others, progress);
    const store = (await this.#plan(config, others)).find(({ name }) => name === "api");
    await this.end(["worker"], progress);
    await this.#startAll([planLimitedWorker(config, store?.settings.QUEUE_URL)], progress);
    return [...started, "worker"];
  }

  async #startAll(plans: PartPlan[], progress: PartsProgress): Promise<void> {
    const stopRest = new AbortController();
    const signal = AbortSignal.any([progress.signal, stopRest.signal]);
    const results = await Promise.allSettled(
      plans.map((plan) =>
        this.#start(plan, { ...progress, signal }).catch((error) => {
          stopRest.abort(error);
          throw error;
        }),
      ),
    );
    const failed = results.find((result) => result.status === "rejected");
    if (failed) {
      await this.end(
        plans.map(({ name }) => name),
        progress,
      );
      throw stopRest.signal.reason ?? failed.reason;
    }
  }

  /** Ends those of `names` that run, one after the other in the order in which nothing is lost. Returns which these were. */
  async end(names: readonly PartName[], { onEvent }: Pick<PartsProgress, "onEvent">): Promise<PartName[]> {
    const ended: PartName[] = [];
    for (const name of PARTS.filter((part) => names.includes(part))) {
      const part = this.#running.get(name);
      this.#ending.add(name);
      if (part && isAlive(part.id)) {
        await endPart(name, part.id, onEvent);
        ended.push(name);
      }
      part?.release();
      await removeEnforcement(this.#state.parts[name]?.limited?.folders ?? []);
      this.#running.delete(name);
      this.#ending.delete(name);
      delete this.#state.parts[name];
      this.#trySave();
    }
    return ended;
  }

  /** Ends the collector, removes what it wrote, and starts it again. */
  async restartCollector(config: Config, progress: PartsProgress): Promise<void> {
    await this.end(["collector"], progress);
    const { traces, metrics, collectorLog, profiles } = stackFiles(config);
    rmSync(profiles, { recursive: true, force: true });
    for (const file of [traces, metrics, collectorLog])
      for (const path of [file, `${file}.1`]) rmSync(path, { force: true });
    await this.start(config, ["collector"], progress);
  }

  /** Removes the queue store that was started here when nothing tells of it. */
  async removeLostStore(): Promise<void> {
    if (this.#store && !existsSync(stackFiles(this.#config).postgres))
      await rm(this.#store, { recursive: true, force: true });
  }

  /** Whether there is nothing to look after: no part runs, and none has ended without being asked. */
  get isEmpty(): boolean {
    return Object.keys(this.#state.parts).length === 0;
  }

  /** Whether the worker is on record as one that runs under the production limits. */
  get isLimited(): boolean {
    return this.#state.parts.worker?.limited !== undefined;
  }

  /** Empties each log that has grown too large. Its writers append, so they go on at its new end. */
  capOutputs(): void {
    for (const name of PARTS) {
      const file = stackFiles(this.#config).output(name);
      if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_OUTPUT_BYTES) truncateSync(file);
    }
  }

  isRunning(name: PartName): boolean {
    const part = this.#running.get(name);
    return part !== undefined && isAlive(part.id);
  }

  async #plan(config: Config, names: PartName[]): Promise<PartPlan[]> {
    const plans: PartPlan[] = [];
    let queueUrl = config.queueUrl;
    if (names.includes("postgres")) {
      const running = this.isRunning("postgres");
      const command = await planStore(stackFiles(config).postgres, stackFiles(config).folder, { running });
      plans.push(planPostgres(config, command));
      queueUrl = command.url;
      this.#store = command.cwd;
    }
    for (const name of ["collector", "api", "worker"] as const) {
      if (names.includes(name)) plans.push(planEntry(name, config, queueUrl));
    }
    return plans;
  }

  async #start(plan: PartPlan, { signal, onEvent }: PartsProgress): Promise<void> {
    const began = performance.now();
    onEvent({ part: plan.name, phase: "starting" });
    await startPart(plan, {
      output: stackFiles(this.#config).output(plan.name),
      signal,
      onSpawn: (part) => {
        const { settings, limited } = plan;
        this.#state.parts[plan.name] = { ...part.id, ready: false, settings, ...(limited ? { limited } : {}) };
        this.#watch(plan.name, part); // first: it has to be ended also when it cannot be recorded
        this.#save();
      },
    });
    const state = this.#state.parts[plan.name];
    if (state) state.ready = true;
    this.#save();
    onEvent({ part: plan.name, phase: "ready", tookMs: performance.now() - began });
  }

  #watch(name: PartName, part: Part): void {
    this.#running.set(name, part);
    const isLimited = typeof this.#state.parts[name]?.limited?.by === "string";
    const watched = name === "worker" ? watchProcess(part.id.pid, isLimited) : undefined;
    part.exited.then(async (exit) => {
      watched?.stop();
      const state: PartState | undefined = this.#state.parts[name];
      if (this.#running.get(name) !== part || this.#ending.has(name) || !state) return;
      state.exit = exit;
      state.ready = false;
      this.#running.delete(name);
      this.#trySave();
      if (watched) Object.assign(state, await explainWorker(this.#config, { ...state, exit, watched }));
      await removeEnforcement(state.limited?.folders ?? []); // it has counted the kernel's kills
      this.#trySave();
    });
  }

  /** For an end: it happens, whether it can be recorded or not. */
  #trySave(): void {
    try {
      this.#save();
    } catch (error) {
      process.stderr.write(`Cannot write the state: ${(error as Error).message}\n`);
    }
  }

  /** Without the lock the record belongs to another supervisor, or to nobody. */
  #save(): void {
    if (!hasLock(stackFiles(this.#config).lock)) throw new UserError("the record of the stack was removed");
    writeState(this.#config, this.#state);
  }
}
