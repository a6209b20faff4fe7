import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { takeLock } from "../../processes/lock.ts";
import { UserError } from "../../terminal/user_error.ts";
import { readLimits } from "../limits_record.ts";
import type { Progress } from "../protocol.ts";
import type { PartStatus, Stack } from "../stack.ts";
import { makeStackFolder, stackFiles } from "../state.ts";
import type { Wanted } from "../wanted.ts";
import { type ComposeCli, type Container, composeCli } from "./cli.ts";
import { explainContainer } from "./explain_worker.ts";
import { ownContainers } from "./guards.ts";
import { limitWorker, restoreWorker } from "./limit_worker.ts";
import { composeEnvironment, FILES, projectOf, wantedServices, writeSettings } from "./settings.ts";
import { COLLECTOR, COLLECTOR_URL, clearTelemetry, composeTelemetry } from "./telemetry.ts";
import { start, up } from "./up.ts";

/** The stack as containers, by the compose files of this checkout. */
export function composeStack(wanted: Wanted): Stack {
  const project = projectOf(wanted);
  const cli = composeCli(wanted, FILES, composeEnvironment(wanted));
  const parts = wantedServices(wanted);
  const status = async () => {
    const containers = await cli.containers();
    const statuses = statusOf(containers);
    const worker = containers.find(({ service }) => service === "worker");
    const limits = worker && (await readLimits(wanted, worker.id));
    if (statuses.worker && limits) statuses.worker.limits = limits;
    if (worker && statuses.worker?.exit) statuses.worker.death = await explainContainer(wanted, cli, worker);
    return statuses;
  };
  /** With a stack that is up; its worker is what it was when the work is done. */
  async function withLimits<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
    const wasLimited = (await status()).worker?.limits !== undefined;
    await alone(wanted, progress, async () => {
      if (!wasLimited) await up(wanted, cli, parts, progress); // refuses a worker that could not come back as it was
      await limitWorker(wanted, cli, progress);
    });
    try {
      return await work();
    } finally {
      const { signal } = new AbortController(); // it comes back also when the work was interrupted
      if (!wasLimited)
        await alone(wanted, { ...progress, signal }, () => restoreWorker(wanted, { ...progress, signal }));
    }
  }
  return {
    parts,
    store: wanted.queueUrl ? new URL(wanted.queueUrl).protocol.slice(0, -1) : "redis (container)",
    collectorUrl: COLLECTOR_URL,
    logCommand: `${wanted.compose.join(" ")} -p ${project} logs ${COLLECTOR}`,
    outputCommand: (part) => `${wanted.compose.join(" ")} -p ${project} logs ${part}`,
    up: (progress) => alone(wanted, progress, () => up(wanted, cli, parts, progress)),
    async use(progress, work, { limited = false } = {}) {
      const isUp = async () => (await ownContainers(wanted, cli)).some(({ state }) => state === "running");
      if (await isUp()) return limited ? withLimits(progress, work) : work();
      return alone(wanted, progress, async () => {
        if (await isUp()) {
          if (!limited) return work();
          throw new UserError("Cannot limit the worker: another command has just started the stack", {
            next: "this command again",
          });
        }
        const hadStore = await hasVolume(cli, `${project}_redis`);
        try {
          if (limited) await limitWorker(wanted, cli, progress);
          else await up(wanted, cli, parts, progress);
          return await work();
        } finally {
          // As it was before: also the store, when this has made it.
          await cli.show(["down", "--remove-orphans", ...(hadStore ? [] : ["--volumes"])]);
        }
      });
    },
    down: (progress) =>
      alone(wanted, progress, async () => {
        const services = (await ownContainers(wanted, cli)).map(({ service }) => service);
        // Also with none: a network may be left.
        if ((await cli.show(["--profile", "profiling", "down", "--remove-orphans"], progress.signal)) !== 0) {
          throw new UserError("Cannot end all containers: compose says why above", { next: "make otel-down" });
        }
        return services;
      }),
    async whereJobsStay() {
      const volume = `${project}_redis`;
      return (await hasVolume(cli, volume)) ? `the volume ${volume}` : undefined;
    },
    restartCollector: (progress) =>
      alone(wanted, progress, async () => {
        const collector = (await ownContainers(wanted, cli)).find(({ service }) => service === COLLECTOR);
        if (!collector) {
          throw new UserError("Cannot restart the collector: no stack is up", { next: "make otel-up" });
        }
        const withSettings = composeCli(wanted, [...FILES, writeSettings(wanted)], composeEnvironment(wanted));
        const again = (by: Progress) => start(wanted, withSettings, ["--force-recreate", COLLECTOR], by);
        try {
          await withSettings.show(["stop", COLLECTOR], progress.signal);
          await clearTelemetry(cli, collector);
          await again(progress);
        } catch (error) {
          // Nothing else starts it again for a command that was interrupted.
          if (progress.signal.aborted) await again({ ...progress, signal: new AbortController().signal });
          throw error;
        }
      }),
    limitWorker: (progress) => alone(wanted, progress, () => limitWorker(wanted, cli, progress)),
    status,
    output: (part) => cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", part]),
    telemetry: () => composeTelemetry(wanted, cli),
    async followLog(signal) {
      if (!(await status())[COLLECTOR]) {
        throw new UserError("Cannot follow the collector's log: there is none", { next: "make otel-up" });
      }
      await cli.follow(["logs", "--no-log-prefix", "--follow", "--tail", "50", COLLECTOR], signal);
    },
  };
}

function statusOf(containers: Container[]): Record<string, PartStatus> {
  const statuses: Record<string, PartStatus> = {};
  for (const { service, state, health, exit, environment } of containers) {
    const isRunning = state === "running";
    statuses[service] = {
      isRunning,
      isReady: isRunning && (health ?? "healthy") === "healthy",
      environment,
      ...(state === "exited" || state === "dead" ? { exit } : {}),
    };
  }
  return statuses;
}

/** By name: compose takes one for its own that has not its label, and would remove it. */
async function hasVolume(cli: ComposeCli, name: string): Promise<boolean> {
  return (await cli.engine(["volume", "ls", "--quiet"])).split("\n").includes(name);
}

/** Commands that change the stack wait for one another: compose does not. */
async function alone<T>(wanted: Wanted, { signal, say }: Progress, work: () => Promise<T>): Promise<T> {
  makeStackFolder(wanted);
  const lock = join(stackFiles(wanted).folder, "compose.lock");
  for (let waited = false; !takeLock(lock); waited = true) {
    if (!waited) say("Waiting for another command that is at work on this stack.");
    await sleep(200, undefined, { signal });
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}
