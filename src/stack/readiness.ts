import type { Service } from "../application/application.ts";
import { newestMetrics } from "../otlp/live_file.ts";
import { readPoints } from "../otlp/read_points.ts";
import { WORKER_READY } from "../telemetry/names.ts";

/** How a part that does not say so itself is seen to be ready; `metrics`: the collector's file. */
export function isReadyBy(
  ready: Exclude<Service["ready"], "message">,
  metrics: string,
): (pid: number) => Promise<boolean> {
  if (ready !== "telemetry") return async () => (await fetch(ready.url, { signal: AbortSignal.timeout(2_000) })).ok;
  return async (pid) => {
    const isReady = new Map<unknown, boolean>();
    for await (const { metric, resource, attributes, value } of readPoints(newestMetrics(metrics)))
      if (metric === WORKER_READY && resource["process.pid"] === pid)
        isReady.set(JSON.stringify(attributes), value > 0);
    return isReady.size > 0 && [...isReady.values()].every(Boolean);
  };
}
