import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { serviceOf } from "../application/application.ts";
import { removeEnforcement } from "../limits/plan_enforcement.ts";
import { isAlive } from "../processes/process_id.ts";
import type { StackSettings } from "../settings/stack.ts";
import { UserError } from "../terminal/user_error.ts";
import { explainWorker } from "./explain_worker.ts";
import { adoptPart, endPart, type Part, startPart } from "./part.ts";
import { type PartPlan, planLimitedWorker, refuseOtherSettings } from "./plan.ts";
import { planPart, planStack, type StackPlan } from "./plan_stack.ts";
import { requireFree } from "./ports.ts";
import type { PartsProgress } from "./protocol.ts";
import { StackRecord } from "./record.ts";
import { PARTS, type PartName, type PartState, type StackState, stackFiles } from "./state.ts";
import { removeStoreFolder } from "./store_folder.ts";
import { endStrays } from "./strays.ts";
import type { Wanted } from "./wanted.ts";
import { watchProcess } from "./watch_process.ts";

/** The parts that one supervisor looks after, and their record in the state file. */
export class Parts {
  readonly #settings: StackSettings;
  readonly #record: StackRecord;
  readonly #running = new Map<PartName, Part>();
  readonly #ending = new Set<PartName>();
  /** How each was started that this supervisor has started. */
  readonly #plans = new Map<PartName, PartPlan>();
  /** The folder of the queue store. */
  #store: string | undefined;

  /** Takes over what still runs of `before`, the record of a supervisor that died. */
  constructor(settings: StackSettings, supervisor: StackState["supervisor"], before: StackState | undefined) {
    this.#settings = settings;
    this.#record = new StackRecord(settings, supervisor, before);
    for (const name of PARTS) {
      const part = this.#record.parts[name];
      if (!part || part.exit !== undefined) continue;
      if (isAlive(part)) this.#watch(name, adoptPart(part));
      else Object.assign(part, { exit: null, ready: false });
    }
    this.#record.save();
  }

  /** Ends what carries this checkout's mark and is on no record, as when a supervisor was killed and its state removed. */
  async endStrays({ onEvent }: Pick<PartsProgress, "onEvent">): Promise<PartName[]> {
    const known = [...this.#running.values()].map(({ id }) => id.pid);
    return endStrays(this.#settings.root, known, { onEvent });
  }

  /**
   * Starts those of `names` that do not run, and nothing else. When one of them fails or `signal` aborts, those that
   * were started are ended again.
   *
   * @throws {UserError} for a port that is taken, a part that does not start, or running parts that have other settings
   */
  async start(wanted: Wanted, names: PartName[], progress: PartsProgress): Promise<PartName[]> {
    const missing = names.filter((name) => !this.isRunning(name));
    for (const { role, port } of wanted.application.services)
      if (port && missing.includes(role)) await requireFree(port.setting, port.number);
    if (missing.includes("collector")) await requireFree("OTLP_PORT", wanted.otlpPort);
    if (missing.includes("collector") && wanted.profiling) await requireFree("PYROSCOPE_PORT", wanted.pyroscopePort);
    const { plans } = await this.#plan(wanted, names);
    const isMissing = ({ name }: PartPlan) => missing.includes(name);
    const running = plans.filter((plan) => !isMissing(plan));
    refuseOtherSettings(running, this.#record.state);
    await this.#startAll(plans.filter(isMissing), progress);
    return missing;
  }

  /**
   * Starts what is missing of `names`, and the built worker under the production limits in place of the one that runs,
   * which first finishes its jobs. When that fails or `signal` aborts, what was started is ended again, and the worker
   * that ran before is started as it was.
   *
   * @throws {UserError} as `start`
   */
  async limitWorker(wanted: Wanted, names: PartName[], progress: PartsProgress): Promise<PartName[]> {
    const others = names.filter((name) => name !== "worker");
    const started = await this.start(wanted, others, progress);
    try {
      const service = serviceOf(wanted.application, "worker");
      if (!service)
        throw new UserError(`Cannot limit the worker: ${wanted.application.name} has none`, { next: "make otel-up" });
      const limited = planLimitedWorker(service, wanted, (await this.#plan(wanted, others)).queueUrl);
      await this.#replace("worker", wanted, progress, () => this.#startAll([limited], progress));
    } catch (error) {
      await this.end(started, progress);
      throw error;
    }
    return [...started, "worker"];
  }

  /** Ends a part and starts another in its place; when that fails, the one that ran before is started as it was. */
  async #replace(name: PartName, wanted: Wanted, progress: PartsProgress, start: () => Promise<unknown>) {
    const before = this.isRunning(name) ? this.#planAsItRuns(name, wanted) : undefined;
    await this.end([name], progress);
    try {
      await start();
    } catch (error) {
      if (!before) throw error;
      const { signal } = new AbortController(); // it comes back also for a command that has given up
      const outcome = await this.#startAll([before], { ...progress, signal }).then(
        () => ({ said: "is back", next: error instanceof UserError ? error.next : undefined }),
        (cause: Error) => ({ said: `does not start any more: ${cause.message}`, next: "make otel-up" }),
      );
      if (!(error instanceof UserError)) throw error;
      const message = `${error.message}; the ${name} that ran before ${outcome.said}`;
      throw new UserError(message, { ...(outcome.next ? { next: outcome.next } : {}), cause: error });
    }
  }

  /** How a part that runs was started. Of one that was taken over, its recorded settings are laid over how it would be now. */
  #planAsItRuns(name: PartName, wanted: Wanted): PartPlan | undefined {
    const known = this.#plans.get(name);
    const { settings, limited } = this.#record.parts[name] ?? {};
    if (known || !settings || name === "postgres") return known;
    // An older version has recorded no limits.
    const now = planPart(name, wanted, limited && (limited.limits ?? wanted.limits));
    if (!now) return undefined;
    return { ...now, settings, environment: { ...now.environment, ...settings } };
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
      await removeEnforcement(this.#record.parts[name]?.limited?.folders ?? []);
      this.#running.delete(name);
      this.#ending.delete(name);
      delete this.#record.parts[name];
      this.#record.trySave();
    }
    return ended;
  }

  /** Ends the collector, removes what it wrote, and starts it again. */
  async restartCollector(wanted: Wanted, progress: PartsProgress): Promise<void> {
    await this.#replace("collector", wanted, progress, () => {
      const { traces, metrics, collectorLog, profiles } = stackFiles(wanted);
      rmSync(profiles, { recursive: true, force: true });
      for (const file of [traces, metrics, collectorLog])
        for (const path of [file, `${file}.1`]) rmSync(path, { force: true });
      return this.start(wanted, ["collector"], progress);
    });
  }

  /** Removes the queue store that was started here when nothing tells of it. */
  async removeLostStore(): Promise<void> {
    if (this.#store && !existsSync(stackFiles(this.#settings).postgres)) await removeStoreFolder(this.#store);
  }

  /** Whether there is nothing to look after: no part runs, and none has ended without being asked. */
  get isEmpty(): boolean {
    return Object.keys(this.#record.parts).length === 0;
  }

  /** Whether the worker is on record as one that runs under the production limits. */
  get isLimited(): boolean {
    return this.#record.parts.worker?.limited !== undefined;
  }

  /** Records what could not be recorded when it happened. */
  catchUp(): void {
    this.#record.catchUp();
  }

  isRunning(name: PartName): boolean {
    const part = this.#running.get(name);
    return part !== undefined && isAlive(part.id);
  }

  async #plan(wanted: Wanted, names: PartName[]): Promise<StackPlan> {
    const plan = await planStack(wanted, names, this.isRunning("postgres"));
    this.#store = plan.storeFolder ?? this.#store;
    return plan;
  }

  async #start(plan: PartPlan, { signal, onEvent }: PartsProgress): Promise<void> {
    const began = performance.now();
    onEvent({ part: plan.name, phase: "starting" });
    const partId = randomBytes(4).toString("hex"); // the same plan may be started again
    await startPart(plan, {
      partId,
      output: stackFiles(this.#settings).output(plan.name),
      signal,
      onSpawn: (part) => {
        const { name, settings, limited } = plan;
        this.#record.parts[name] = { ...part.id, ready: false, partId, settings, ...(limited ? { limited } : {}) };
        this.#plans.set(name, plan);
        this.#watch(name, part); // first: it has to be ended also when it cannot be recorded
        this.#record.save();
      },
    });
    const state = this.#record.parts[plan.name];
    if (state) state.ready = true;
    this.#record.save();
    onEvent({ part: plan.name, phase: "ready", tookMs: performance.now() - began });
  }

  #watch(name: PartName, part: Part): void {
    this.#running.set(name, part);
    const isLimited = typeof this.#record.parts[name]?.limited?.by === "string";
    const watched = name === "worker" ? watchProcess(part.id.pid, isLimited) : undefined;
    part.exited.then(async (exit) => {
      watched?.stop();
      const state: PartState | undefined = this.#record.parts[name];
      if (this.#running.get(name) !== part || this.#ending.has(name) || !state) return;
      state.exit = exit;
      state.ready = false;
      this.#running.delete(name);
      this.#record.trySave();
      if (watched) Object.assign(state, await explainWorker(this.#settings, { ...state, exit, watched }));
      await removeEnforcement(state.limited?.folders ?? []); // it has counted the kernel's kills
      this.#record.trySave();
    });
  }
}
