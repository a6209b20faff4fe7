import type { Config } from "../../config.ts";
import { compareLimits, type Enforcement } from "../../limits/enforcement.ts";
import { recordLimits } from "../limits_record.ts";
import type { Progress } from "../protocol.ts";
import { type ComposeCli, composeCli } from "./cli.ts";
import { composeEnvironment, FILES, PRODLIKE_FILE, wantedServices, writeSettings } from "./settings.ts";
import { start, up } from "./up.ts";

/** Replaces the worker, which first finishes its jobs, by the built one under the limits; starts what else is missing. */
export async function limitWorker(config: Config, cli: ComposeCli, progress: Progress): Promise<Enforcement[]> {
  const { limits } = config;
  const info = await cli.engine(["info", "--format", "{{.NCPU}} {{.MemTotal}}"]);
  const [hostCpus, hostBytes] = info.trim().split(" ").map(Number) as [number, number];
  const others = wantedServices(config).filter((service) => service !== "worker");
  await up(config, cli, others, progress);
  // The engine refuses more CPUs than there are.
  const environment = { ...composeEnvironment(config), PRODLIKE_CPUS: String(Math.min(limits.cpus, hostCpus)) };
  const files = [...FILES, PRODLIKE_FILE, writeSettings(config, limits.environment)];
  await start(config, composeCli(config, files, environment), ["worker"], progress);

  const worker = (await cli.containers()).find(({ service }) => service === "worker")!; // it is ready
  const rows = compareLimits(limits, {
    host: { cpus: hostCpus, memoryBytes: hostBytes },
    held: { cpus: worker.cpus || undefined, memoryBytes: worker.memoryBytes || undefined },
    by: "the container",
    output: await cli.text(["logs", "--no-color", "--no-log-prefix", "worker"]),
  });
  recordLimits(config, { worker: worker.id, limits: rows });
  return rows;
}

/** Replaces the limited worker by the usual one. */
export async function restoreWorker(config: Config, progress: Progress): Promise<void> {
  const withSettings = composeCli(config, [...FILES, writeSettings(config)], composeEnvironment(config));
  await start(config, withSettings, ["worker"], progress);
}
