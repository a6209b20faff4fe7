import { newestMetrics } from "../otlp/live_file.ts";
import { type Origin, readPoints } from "../otlp/read_points.ts";
import { readWorkerFacts, type WorkerFacts } from "../otlp/read_worker_facts.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import { type Clues, whyNoMetrics } from "./hints.ts";
import type { Telemetry } from "./stack.ts";

/** The first metrics of a worker that is ready arrive within this, in ms. */
const ARRIVAL_MS = 3_000;

/** What one process of the worker, which is ready, says of itself: as soon as its metrics arrive, or why they do not. */
export async function awaitWorkerFacts(
  { files, refresh }: Pick<Telemetry, "refresh"> & { files: { metrics: string } },
  origin: Origin,
  clues: Clues,
): Promise<WorkerFacts | { notMeasured: string }> {
  const { never, reason } = whyNoMetrics(clues);
  if (never) return { notMeasured: reason };
  const look = async () => {
    await refresh();
    const facts = await readWorkerFacts(readPoints(newestMetrics(files.metrics)), origin);
    return facts.heapLimitBytes === undefined ? undefined : facts;
  };
  try {
    return await waitFor(look, "the worker's metrics", { timeoutMs: ARRIVAL_MS, everyMs: 25 });
  } catch (error) {
    if (error instanceof WaitTimeoutError) return { notMeasured: reason };
    throw error;
  }
}
