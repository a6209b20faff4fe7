import { type Death, type DeathScene, explainDeath } from "../../death/explain_death.ts";
import { type LastMinute, readLastMinute } from "../last_minute.ts";
import type { Wanted } from "../wanted.ts";
import { type ComposeCli, type Container, originOf } from "./cli.ts";
import { composeTelemetry } from "./telemetry.ts";

/** How the worker's container died, from what the engine, Redis and the collector know of it. */
export async function explainContainer(wanted: Wanted, cli: ComposeCli, worker: Container): Promise<Death> {
  return explainDeath({
    exit: worker.exit,
    oomKills: Number(worker.isOomKilled),
    memoryLimitBytes: worker.memoryBytes || undefined,
    output: await cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", "worker"]),
    peakBytes: undefined, // its cgroup is gone
    samplesBy: "by its own figures, once a second: its last moment may be missing",
    ...(await readSent(wanted, cli, worker)),
  });
}

async function readSent(wanted: Wanted, cli: ComposeCli, worker: Container): Promise<LastMinute> {
  try {
    const { files, close } = await composeTelemetry(wanted, cli);
    try {
      return await readLastMinute(files.metrics, {
        origin: originOf(wanted, worker),
        endedMs: Date.parse(worker.exit.at),
        askStore: (queues) => askRedis(queues, cli),
      });
    } finally {
      await close();
    }
  } catch (error) {
    const none = { notMeasured: (error as Error).message };
    return { samples: none, collections: none, lostLocks: none, jobs: none };
  }
}

/** BullMQ keeps the jobs of a queue that are running in a list; its prefix is the default one. */
async function askRedis(queues: string[], cli: ComposeCli): Promise<DeathScene["jobs"]> {
  const range = (queue: string) => ["redis-cli", "--raw", "lrange", `bull:${queue}:active`, "0", "-1"];
  try {
    const lists = await Promise.all(queues.map((queue) => cli.text(["exec", "-T", "redis", ...range(queue)])));
    return lists.flatMap((ids) => ids.split("\n").filter(Boolean));
  } catch {
    return { notMeasured: "Redis does not run in a container of this stack" };
  }
}
