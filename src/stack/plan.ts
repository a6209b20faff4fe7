import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Command, Service } from "../application/application.ts";
import { findMechanism } from "../limits/mechanism.ts";
import { planEnforcement, prepareEnforcement } from "../limits/plan_enforcement.ts";
import type { Environment } from "../settings/environment.ts";
import { heapFlags } from "../settings/limits.ts";
import { entryCommand, v8Flags } from "../settings/runtime.ts";
import type { Checkout } from "../settings/stack.ts";
import { UserError } from "../terminal/user_error.ts";
import { markArguments, markEnvironment } from "./mark.ts";
import { type PostgresCommand, postgresIsReady } from "./postgres.ts";
import { isReadyBy, type Started } from "./readiness.ts";
import { type Limited, type PartName, type StackState, stackFiles } from "./state.ts";
import { collectorUrl, type Wanted } from "./wanted.ts";

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
  /** Polled; may throw why it is not. Without it the part says "ready" over its IPC channel. */
  isReady?: (started: Started) => Promise<boolean>;
}

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
  checkout: Checkout,
  { prepare, file, args, cwd, environment, uid, gid }: PostgresCommand,
): PartPlan {
  const owner = uid === undefined || gid === undefined ? {} : { uid, gid };
  const isReady = ({ pid }: Started) => postgresIsReady(stackFiles(checkout).postgres, pid);
  const marked = markArguments(args, { name: "postgres", root: checkout.root });
  return { name: "postgres", prepare, file, args: marked, cwd, environment, settings: {}, ...owner, isReady };
}

/** The plan of the embedded collector. */
export function planCollector(wanted: Wanted): PartPlan {
  const { root, runtime, otlpPort, pyroscopePort, profiling } = wanted;
  const settings = {
    OTLP_PORT: String(otlpPort),
    PYROSCOPE_PORT: String(pyroscopePort),
    OTEL_ENABLED: "false",
    PROFILING: profiling ? "on" : "off",
  };
  const entry = entryCommand(join(root, "scripts", "collector.ts"), runtime);
  const start = { ...entry, cwd: root, environment: {}, takesAnyArgument: true };
  return planProcess("collector", wanted, start, settings);
}

/** The plan of one service of the application; `queueUrl` is the address of the store that the stack has for it. */
export function planService(service: Service, wanted: Wanted, queueUrl: string | undefined): PartPlan {
  const settings = serviceSettings(service, service.start, wanted, queueUrl);
  return readyWhen(service, wanted, planProcess(service.role, wanted, service.start, settings));
}

/** The plan of the worker as in production under the production limits, by the best mechanism of this machine. */
export function planLimitedWorker(service: Service, wanted: Wanted, queueUrl: string | undefined): PartPlan {
  const { limits, root, runtime, environment } = wanted;
  const start = service.production?.start ?? service.start;
  const name = `prodlike-${createHash("sha256").update(root).digest("hex").slice(0, 8)}-${process.hrtime.bigint()}`;
  const path = environment.PATH ?? "";
  const mechanism = findMechanism({ uid: process.getuid?.(), platform: process.platform, path });
  const enforcement = planEnforcement(mechanism, name, limits);
  const [variable, value] = v8Flags(heapFlags(limits), runtime);
  const settings = {
    ...serviceSettings(service, start, wanted, queueUrl),
    [variable]: value,
    ...limits.environment,
    ...service.environment,
  };
  const plan = planProcess("worker", wanted, start, settings);
  const [file = "", ...args] = [...enforcement.prefix, plan.file, ...plan.args];
  return {
    ...readyWhen(service, wanted, plan),
    file,
    args,
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

function planProcess(name: PartName, wanted: Wanted, start: Omit<Command, "shown">, settings: Environment): PartPlan {
  const environment: Environment = { ...wanted.environment };
  // A signal's own endpoint wins over the common one: set in somebody's shell, it would send the spans elsewhere.
  for (const signal of ["TRACES", "METRICS"]) delete environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`];
  Object.assign(environment, withoutProxy(wanted.environment), settings);
  const { file, args, cwd, takesAnyArgument } = start;
  const mark = { name, root: wanted.root };
  if (takesAnyArgument) return { name, file, args: markArguments(args, mark), cwd, environment, settings };
  return { name, file, args, cwd, environment: { ...environment, ...markEnvironment(args, mark) }, settings };
}

function readyWhen({ ready, role }: Service, wanted: Wanted, plan: PartPlan): PartPlan {
  if (ready === "message") return plan;
  const clues = { part: role, environment: plan.environment, output: "", collectorUrl: collectorUrl(wanted) };
  return { ...plan, isReady: isReadyBy(ready, { metrics: stackFiles(wanted).metrics, clues }) };
}

/** Only the embedded receiver is told trace ids: a Pyroscope server would make a series of each. */
function profileSettings({ profiling, pyroscopePort }: Wanted): Environment {
  const address = `http://127.0.0.1:${pyroscopePort}`;
  if (!profiling) return { PROFILING: "off" };
  return { PROFILING: "on", PYROSCOPE_SERVER_ADDRESS: address, PROFILE_TRACE_IDS_TO: address };
}

function serviceSettings(service: Service, start: Command, wanted: Wanted, queueUrl = ""): Environment {
  const { environment, application } = wanted;
  return {
    OTEL_ENABLED: "true",
    OTEL_SERVICE_NAME: service.name,
    OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl(wanted),
    // The defaults of 5,000 and 60,000 ms are what would make a verify slow.
    OTEL_BSP_SCHEDULE_DELAY: environment.OTEL_BSP_SCHEDULE_DELAY ?? "200",
    OTEL_METRIC_EXPORT_INTERVAL: environment.OTEL_METRIC_EXPORT_INTERVAL ?? "1000",
    ...("variable" in application.store ? { [application.store.variable]: queueUrl } : {}),
    ...profileSettings(wanted),
    ...start.environment,
    ...service.environment,
  };
}

/** `NO_PROXY` with the loopback added: a proxy must not see what goes from one part to another. */
function withoutProxy(environment: Environment): Environment {
  const names = [environment.NO_PROXY ?? environment.no_proxy, "127.0.0.1", "localhost"].filter(Boolean).join(",");
  return { NO_PROXY: names, no_proxy: names };
}
