import { serviceNames } from "../../application/application.ts";
import { type Death, type DeathScene, explainDeath } from "../../death/explain_death.ts";
import { readCollections, readMemory } from "../../death/last_minute.ts";
import type { Wanted } from "../wanted.ts";
import type { ComposeCli, Container } from "./cli.ts";
import { composeTelemetry } from "./telemetry.ts";

/** BullMQ's list of the jobs that are running. */
const ACTIVE_KEY = "bull:reviews:active";

/** How the worker's container died, from what the engine, Redis and the collector know of it. */
export async function explainContainer(wanted: Wanted, cli: ComposeCli, worker: Container): Promise<Death> {
  return explainDeath({
    exit: worker.exit,
    oomKills: Number(worker.isOomKilled),
    memoryLimitBytes: worker.memoryBytes || undefined,
    output: await cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", "worker"]),
    peakBytes: undefined, // its cgroup is gone
    ...(await readLastMinute(wanted, cli, worker)),
    jobs: await readActiveJobs(cli),
  });
}

async function readLastMinute(
  wanted: Wanted,
  cli: ComposeCli,
  { id, exit }: Container,
): Promise<Pick<DeathScene, "samples" | "samplesBy" | "collections">> {
  // Its host name, unless compose is told another.
  const resource = { "host.name": id.slice(0, 12) };
  const lifetime = { service: serviceNames(wanted.application).worker, resource, endedMs: Date.parse(exit.at) };
  try {
    const { files, close } = await composeTelemetry(wanted, cli);
    try {
      const samples = await readMemory(files.metrics, lifetime);
      const samplesBy = "by its own figures, once a second: its last moment may be missing";
      return { samples, samplesBy, collections: await readCollections(files.metrics, lifetime) };
    } finally {
      await close();
    }
  } catch (error) {
    const notMeasured = (error as Error).message;
    return { samples: { notMeasured }, collections: { notMeasured } };
  }
}

async function readActiveJobs(cli: ComposeCli): Promise<string[] | { notMeasured: string }> {
  try {
    const ids = await cli.text(["exec", "-T", "redis", "redis-cli", "--raw", "lrange", ACTIVE_KEY, "0", "-1"]);
    return ids.split("\n").filter(Boolean);
  } catch {
    return { notMeasured: "Redis does not run in a container of this stack" };
  }
}
