import type { Service } from "../application/application.ts";
import { newestMetrics } from "../otlp/live_file.ts";
import { processOf, readPoints } from "../otlp/read_points.ts";
import { MESSAGING_DESTINATION_NAME, PART_ID, WORKER_READY } from "../telemetry/names.ts";
import { type Clues, whyNoMetrics } from "./hints.ts";

/** A part that was started. */
export interface Started {
  pid: number;
  partId: string;
}

/**
 * How a part that does not say so itself is seen to be ready: what comes back throws as long as it is not, with the reason.
 * `metrics`: the collector's file.
 */
export function isReadyBy(
  ready: Exclude<Service["ready"], "message">,
  { metrics, clues }: { metrics: string; clues: Clues },
): (started: Started) => Promise<boolean> {
  if (ready !== "telemetry") return () => answers(ready.url);
  return async ({ partId }) => {
    const workers = new Map<string, { queue: unknown; isReady: boolean }>();
    let hasSent = false;
    for await (const point of readPoints(newestMetrics(metrics))) {
      if (point.resource[PART_ID] !== partId) continue;
      hasSent = true;
      const queue = point.attributes[MESSAGING_DESTINATION_NAME];
      if (point.metric === WORKER_READY)
        workers.set(`${processOf(point)} ${queue}`, { queue, isReady: point.value > 0 });
    }
    if (!hasSent) throw new Error(whyNoMetrics(clues).reason);
    if (workers.size === 0) throw new Error("no BullMQ worker is seen in its metrics");
    const late = [...workers.values()].find(({ isReady }) => !isReady);
    if (late) throw new Error(`its worker of the queue "${late.queue}" is not ready`);
    return true;
  };
}

async function answers(url: string): Promise<boolean> {
  const { ok, status } = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  if (!ok) throw new Error(`${url} answers ${status}`);
  return ok;
}
