import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { takeLock } from "../../processes/lock.ts";
import type { Config } from "../../settings/config.ts";
import { UserError } from "../../terminal/user_error.ts";
import { readLimits } from "../limits_record.ts";
import type { Progress } from "../protocol.ts";
import type { PartStatus, Stack } from "../stack.ts";
import { makeStackFolder, stackFiles } from "../state.ts";
import { type ComposeCli, type Container, composeCli } from "./cli.ts";
import { explainContainer } from "./explain_worker.ts";
import { ownContainers } from "./guards.ts";
import { limitWorker, restoreWorker } from "./limit_worker.ts";
import { composeEnvironment, FILES, projectOf, wantedServices, writeSettings } from "./settings.ts";
import { COLLECTOR, COLLECTOR_URL, clearTelemetry, composeTelemetry } from "./telemetry.ts";
import { start, up } from "./up.ts";

/** The stack as containers, by the compose files of this checkout. */
export function composeStack(config: Config): Stack {
  const project = projectOf(config);
  const cli = composeCli(config, FILES, composeEnvironment(config));
  const parts = wantedServices(config);
  const status = async () => {
    const containers = await cli.containers();
    const statuses = statusOf(containers);
    const worker = containers.find(({ service }) => service === "worker");
    const limits = worker && (await readLimits(config, worker.id));
    if (statuses.worker && limits) statuses.worker.limits = limits;
    if (worker && statuses.worker?.exit) statuses.worker.death = await explainContainer(config, cli, worker);
    return statuses;
  };
  /** With a stack that is up; its worker is what it was when the work is done. */
  async function withLimits<T>(progress: Progress, work: () => Promise<T>): Promise<T> {
    const wasLimited = (await status()).worker?.limits !== undefined;
    await alone(config, progress, async () => {
      if (!wasLimited) await up(config, cli, parts, progress); // refuses a worker that could not come back as it was
      await limitWorker(config, cli, progress);
    });
    try {
      return await work();
    } finally {
      const { signal } = new AbortController(); // it comes back also when the work was interrupted
      if (!wasLimited)
        await alone(config, { ...progress, signal }, () => restoreWorker(config, { ...progress, signal }));
    }
  }
  return {
    parts,
    store: config.queueUrl ? new URL(config.queueUrl).protocol.slice(0, -1) : "redis (container)",
    collectorUrl: COLLECTOR_URL,
    logCommand: `${config.compose.join(" ")} -p ${project} logs ${COLLECTOR}`,
    outputCommand: (part) => `${config.compose.join(" ")} -p ${project} logs ${part}`,
    up: (progress) => alone(config, progress, () => up(config, cli, parts, progress)),
    async use(progress, work, { limited = false } = {}) {
      const isUp = async () => (await ownContainers(config, cli)).some(({ state }) => state === "running");
      if (await isUp()) return limited ? withLimits(progress, work) : work();
      return alone(config, progress, async () => {
        if (await isUp()) {
          if (!limited) return work();
          throw new UserError("Cannot limit the worker: another command has just started the stack", {
            next: "this command again",
          });
        }
        const hadStore = (await volumes(cli, project)).includes(`${project}_redis`);
        try {
          if (limited) await limitWorker(config, cli, progress);
          else await up(config, cli, parts, progress);
          return await work();
        } finally {
          // As it was before: also the store, when this has made it.
          await cli.show(["down", "--remove-orphans", ...(hadStore ? [] : ["--volumes"])]);
        }
      });
    },
    down: (progress) =>
      alone(config, progress, async () => {
        const services = (await ownContainers(config, cli)).map(({ service }) => service);
        // Also with none: a network may be left.
        if ((await cli.show(["--profile", "profiling", "down", "--remove-orphans"], progress.signal)) !== 0) {
          throw new UserError("Cannot end all containers: compose says why above", { next: "make otel-down" });
        }
        return services;
      }),
    async whereJobsStay() {
      const volume = `${project}_redis`;
      return (await volumes(cli, project)).includes(volume) ? `the volume ${volume}` : undefined;
    },
    restartCollector: (progress) =>
      alone(config, progress, async () => {
        const collector = (await ownContainers(config, cli)).find(({ service }) => service === COLLECTOR);
        if (!collector) {
          throw new UserError("Cannot restart the collector: no stack is up", { next: "make otel-up" });
        }
        const withSettings = composeCli(config, [...FILES, writeSettings(config)], composeEnvironment(config));
        const again = (by: Progress) => start(config, withSettings, ["--force-recreate", COLLECTOR], by);
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
    limitWorker: (progress) => alone(config, progress, () => limitWorker(config, cli, progress)),
    status,
    output: (part) => cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", part]),
    telemetry: () => composeTelemetry(config, cli),
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

async function volumes(cli: ComposeCli, project: string): Promise<string[]> {
  const label = `label=com.docker.compose.project=${project}`;
  return (await cli.engine(["volume", "ls", "--quiet", "--filter", label])).split("\n");
}

/** Commands that change the stack wait for one another: compose does not. */
async function alone<T>(config: Config, { signal, say }: Progress, work: () => Promise<T>): Promise<T> {
  makeStackFolder(config);
  const lock = join(stackFiles(config).folder, "compose.lock");
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
