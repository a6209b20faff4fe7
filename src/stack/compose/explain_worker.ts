import { type Death, explainDeath } from "../../limits/explain_death.ts";
import type { ComposeCli, Container } from "./cli.ts";

/** BullMQ's list of the jobs that are running. */
const ACTIVE_KEY = "bull:reviews:active";

/** How the worker's container died, from what the engine and Redis know of it. */
export async function explainContainer(cli: ComposeCli, worker: Container): Promise<Death> {
  return explainDeath({
    exit: worker.exit,
    oomKills: Number(worker.isOomKilled),
    memoryLimitBytes: worker.memoryBytes || undefined,
    output: await cli.text(["logs", "--no-color", "--no-log-prefix", "--tail", "200", "worker"]),
    peakBytes: undefined,
    samples: { notMeasured: "nobody looks at containers from outside yet" },
    collections: { notMeasured: "not read for containers yet" },
    jobs: await readActiveJobs(cli),
  });
}

async function readActiveJobs(cli: ComposeCli): Promise<string[] | { notMeasured: string }> {
  try {
    const ids = await cli.text(["exec", "-T", "redis", "redis-cli", "--raw", "lrange", ACTIVE_KEY, "0", "-1"]);
    return ids.split("\n").filter(Boolean);
  } catch {
    return { notMeasured: "Redis does not run in a container of this stack" };
  }
}
