import { createHash } from "node:crypto";
import { join } from "node:path";
import { findMechanism } from "../limits/mechanism.ts";
import { planEnforcement, prepareEnforcement } from "../limits/plan_enforcement.ts";
import type { Config, Environment } from "../settings/config.ts";
import { builtCommand, entryCommand, v8Flags } from "../settings/runtime.ts";
import { UserError } from "../terminal/user_error.ts";
import { markOf } from "./mark.ts";
import { type PostgresCommand, postgresIsReady } from "./postgres.ts";
import { type Limited, type PartName, type StackState, stackFiles } from "./state.ts";

/** How to start, recognise as ready, and end one part. */
export interface PartPlan {
  name: PartName;
  file: string;
  args: string[];
  cwd: string;
  /** Complete: nothing else is inherited. */
  environment: Environment;
  /** The part of it that the stack sets. */
  settings: Environment;
  uid?: number;
  gid?: number;
  /** Present when it is to run under the production limits. */
  limited?: Limited;
  /** What has to be done before it is started. */
  prepare?: (signal: AbortSignal) => Promise<void>;
  /** Polled with the process id; without it the part says "ready" over its IPC channel. */
  isReady?: (pid: number) => Promise<boolean>;
}

/** The worker as it is built, in the checkout or in its image. */
export const BUILT_WORKER = "dist/worker.js";

/** How each part is asked to end, and how long it may take before it is killed. The worker finishes its running jobs first. */
export const ENDING: Record<PartName, { signal: NodeJS.Signals; graceMs: number }> = {
  api: { signal: "SIGTERM", graceMs: 15_000 },
  worker: { signal: "SIGTERM", graceMs: 60_000 },
  postgres: { signal: "SIGINT", graceMs: 15_000 }, // "fast shutdown": open transactions are rolled back
  collector: { signal: "SIGTERM", graceMs: 15_000 },
};

/** How long a supervisor may take to end all of them, one after the other, in ms. */
export const ENDING_MS = Object.values(ENDING).reduce((sum, { graceMs }) => sum + graceMs, 10_000);

/** The plan of the queue store. */
export function planPostgres(
  config: Pick<Config, "home" | "root">,
  { prepare, file, args, cwd, environment, uid, gid }: PostgresCommand,
): PartPlan {
  const owner = uid === undefined || gid === undefined ? {} : { uid, gid };
  const isReady = (pid: number) => postgresIsReady(stackFiles(config).postgres, pid);
  const marked = [...args, markOf(config.root)];
  return { name: "postgres", prepare, file, args: marked, cwd, environment, settings: {}, ...owner, isReady };
}

/** The plan of one of our own entries. `queueUrl` goes to the API and the worker. */
export function planEntry(name: "api" | "worker" | "collector", config: Config, queueUrl?: string): PartPlan {
  const settings = name === "collector" ? collectorSettings(config) : serviceSettings(name, config, queueUrl ?? "");
  const environment: Environment = { ...config.environment };
  // A signal's own endpoint wins over the common one: set in somebody's shell, it would send the spans elsewhere.
  for (const signal of ["TRACES", "METRICS"]) delete environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  Object.assign(environment, withoutProxy(config.environment), settings);
  const { file, args } = entryCommand(join(config.root, "scripts", `${name}.ts`), config.runtime);
  return { name, file, args: [...args, markOf(config.root)], cwd: config.root, environment, settings };
}

/** The plan of the built worker under the production limits, by the best mechanism of this machine. */
export function planLimitedWorker(config: Config, queueUrl: string | undefined): PartPlan {
  const usual = planEntry("worker", config, queueUrl);
  const { limits, root, runtime, environment, workerEnv } = config;
  const mark = markOf(root);
  const name = `prodlike-${createHash("sha256").update(root).digest("hex").slice(0, 8)}-${process.hrtime.bigint()}`;
  const path = environment.PATH ?? "";
  const mechanism = findMechanism({ uid: process.getuid?.(), platform: process.platform, path });
  const enforcement = planEnforcement(mechanism, name, limits);
  const flags = [`--max-old-space-size=${limits.oldSpaceMb}`, `--max-semi-space-size=${limits.semiSpaceMb}`];
  const [variable, value] = v8Flags(flags, runtime);
  const settings = { ...usual.settings, [variable]: value, ...limits.environment, ...workerEnv };
  const built = builtCommand(join(root, BUILT_WORKER), runtime);
  const [file = "", ...args] = [...enforcement.prefix, built.file, ...built.args, mark];
  return {
    ...usual,
    file,
    args,
    settings,
    environment: { ...usual.environment, ...settings },
    limited: { by: enforcement.by ?? { nothing: enforcement.reason ?? "" }, folders: enforcement.folders, limits },
    prepare: async () => prepareEnforcement(enforcement),
  };
}

/** @throws {UserError} when a part of `state` runs with other settings than its plan has */
export function refuseOtherSettings(running: PartPlan[], state: StackState): void {
  for (const { name, settings } of running) {
    const { settings: before = {}, limited } = state.parts[name] ?? {};
    if (limited) continue; // it has settings of its own
    const all = new Set([...Object.keys(before), ...Object.keys(settings)]);
    const changed = [...all].filter((variable) => before[variable] !== settings[variable]);
    if (changed.length === 0) continue;
    throw new UserError(`Cannot change the running ${name}: it was started with another ${changed.join(", ")}`, {
      next: "make otel-down, then this command again",
    });
  }
}

function collectorSettings(config: Config): Environment {
  const ports = { OTLP_PORT: String(config.otlpPort), PYROSCOPE_PORT: String(config.pyroscopePort) };
  return { ...ports, OTEL_ENABLED: "false", PROFILING: config.profiling ? "on" : "off" };
}

/** Only the embedded receiver is told trace ids: a Pyroscope server would make a series of each. */
function profileSettings({ profiling, pyroscopePort }: Config): Environment {
  const address = `http://127.0.0.1:${pyroscopePort}`;
  if (!profiling) return { PROFILING: "off" };
  return { PROFILING: "on", PYROSCOPE_SERVER_ADDRESS: address, PROFILE_TRACE_IDS_TO: address };
}

function serviceSettings(name: "api" | "worker", config: Config, queueUrl: string): Environment {
  const api = name === "api";
  return {
    OTEL_ENABLED: "true",
    OTEL_SERVICE_NAME: api ? config.apiService : config.workerService,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${config.otlpPort}`,
    // The defaults of 5,000 and 60,000 ms are what would make a verify slow.
    OTEL_BSP_SCHEDULE_DELAY: config.environment.OTEL_BSP_SCHEDULE_DELAY ?? "200",
    OTEL_METRIC_EXPORT_INTERVAL: config.environment.OTEL_METRIC_EXPORT_INTERVAL ?? "1000",
    QUEUE_URL: queueUrl,
    REVIEW_ROOT: config.reviewRoot,
    ...profileSettings(config),
    ...(api ? { API_PORT: String(config.apiPort) } : { WORKER_CONCURRENCY: String(config.workerConcurrency) }),
    ...(api ? config.apiEnv : config.workerEnv),
  };
}

/** `NO_PROXY` with the loopback added: a proxy must not see what goes from one part to another. */
function withoutProxy(environment: Environment): Environment {
  const names = [environment.NO_PROXY ?? environment.no_proxy, "127.0.0.1", "localhost"].filter(Boolean).join(",");
  return { NO_PROXY: names, no_proxy: names };
}
