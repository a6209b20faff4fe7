import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { planEnforcement, prepareEnforcement, removeEnforcement } from "../../src/limits/plan_enforcement.ts";
import { ROOT } from "../../src/settings/environment.ts";
import { nextMessage } from "../harness/message.ts";
import type { VerdictStage } from "./stage.ts";
import type { Setting, StoreMs } from "./types.ts";

/** The worker or the API of a run. */
export interface VerdictChild {
  /** Of the API. */
  url: string;
  /** For how long its main thread was ready to run and others had the CPU, or its quota was used up, ms; 0 where nobody counts. */
  stolenMs(): number;
  /** Sends what is pending. */
  flush(): Promise<void>;
  /** Ends it; what is left of its telemetry goes out before. */
  close(): Promise<void>;
}

/** A process that has not ended so long after it was let go is killed, in ms. */
const GRACE_MS = 15_000;
const MEMORY_BYTES = 2 ** 31;

export async function startWorker(
  stage: VerdictStage,
  { worker }: Setting,
  { queue, isProfiled = false }: { queue: string; isProfiled?: boolean | undefined },
): Promise<VerdictChild> {
  const { cpus, flags = [], storeMs } = worker;
  const plan =
    cpus === undefined
      ? undefined
      : planEnforcement(stage.mechanism, `prodlike-${queue}-${process.pid}`, { cpus, memoryBytes: MEMORY_BYTES });
  if (plan) prepareEnforcement(plan);
  const command = [...(plan?.prefix ?? []), process.execPath, ...flags, stage.entries.worker];
  const child = await start(command, {
    ...environmentOf(stage, { queue, storeMs }),
    ...{ OTEL_SERVICE_NAME: "prodlike-worker", PROFILING: isProfiled ? "on" : "off" },
    ...{ SETTING: JSON.stringify(worker), TURNS_PER_MS: String(stage.turnsPerMs), REVIEW_ROOT: stage.review.root },
  });
  return {
    ...child,
    async close() {
      await child.close();
      if (plan) await removeEnforcement(plan.folders);
    },
  };
}

export function startApi(
  stage: VerdictStage,
  { callMs = 0, storeMs }: NonNullable<Setting["api"]>,
  queue: string,
): Promise<VerdictChild> {
  const environment = { OTEL_SERVICE_NAME: "prodlike-api", CALL_MS: String(callMs) };
  return start([process.execPath, stage.entries.api], {
    ...environmentOf(stage, { queue, storeMs }),
    ...environment,
  });
}

function environmentOf(
  { urls }: VerdictStage,
  { queue, storeMs }: { queue: string; storeMs: StoreMs | undefined },
): Record<string, string> {
  return {
    ...{ PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", NO_PROXY: "127.0.0.1", NODE_ENV: "production" },
    ...{ QUEUE: queue, QUEUE_URL: storeMs ? urls.slowStores[storeMs] : urls.store, SERVICE_URL: urls.service },
    ...{ OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: urls.receiver.otlp, OTEL_LOG_LEVEL: "warn" },
    ...{ PYROSCOPE_SERVER_ADDRESS: urls.receiver.profiles, PROFILE_TRACE_IDS_TO: urls.receiver.profiles },
    // As in the stack.
    ...{ OTEL_BSP_SCHEDULE_DELAY: "200", OTEL_METRIC_EXPORT_INTERVAL: "1000", OTEL_BSP_MAX_QUEUE_SIZE: "65536" },
  };
}

async function start([file = "", ...args]: string[], env: Record<string, string>): Promise<VerdictChild> {
  const child = spawn(file, args, { cwd: ROOT, env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const { url } = await nextMessage<{ url: string }>(child, args.at(-1)!);
  return {
    url,
    stolenMs: () => waitedForCpuMs(child.pid),
    async flush() {
      child.send("flush");
      await nextMessage(child, args.at(-1)!);
    },
    close: () => end(child),
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (!child.connected) return;
  const ended = once(child, "exit");
  child.disconnect();
  const patience = new AbortController();
  const late = setTimeout(GRACE_MS, "late", { signal: patience.signal }).catch(() => "ended");
  if ((await Promise.race([ended, late])) === "late") child.kill("SIGKILL");
  await ended;
  patience.abort();
}

/** The second figure of the kernel's sched-stats. */
function waitedForCpuMs(pid: number | undefined): number {
  const file = `/proc/${pid}/schedstat`;
  return existsSync(file) ? Number(readFileSync(file, "latin1").split(" ")[1]) / 1e6 : 0;
}
