import type { TelemetryFiles } from "../otlp/live_file.ts";
import { newestMetrics, tailOf } from "../otlp/live_file.ts";
import { readPoints } from "../otlp/read_points.ts";
import { readSpans } from "../otlp/read_spans.ts";
import { readWorkerFacts } from "../otlp/read_worker_facts.ts";
import { JOB_LOCK_LOST, MESSAGING_MESSAGE_ID } from "../telemetry/names.ts";
import type { Warning } from "./accounting.ts";

/** Of the newest spans that much is read to name the jobs, in bytes. */
const NEWEST_BYTES = 4 * 1024 * 1024;

/** A line when the processes of the worker have lost locks of jobs since they began, by what they have sent. */
export async function lockWarnings(
  files: Pick<TelemetryFiles, "traces" | "metrics">,
  { service }: { service: string },
): Promise<Warning[]> {
  const { lostLocks } = await readWorkerFacts(readPoints(newestMetrics(files.metrics)), { service });
  if (!lostLocks) return []; // where nothing is counted, the span accounting says why
  const ids = new Set<string>();
  for await (const span of readSpans(tailOf(files.traces, NEWEST_BYTES))) {
    if (span.service === service && span.attributes[JOB_LOCK_LOST] === true)
      ids.add(String(span.attributes[MESSAGING_MESSAGE_ID]));
  }
  const locks = lostLocks === 1 ? "the lock of 1 job" : `the locks of ${lostLocks} jobs`;
  const named = ids.size ? ` (${[...ids].slice(-5).join(", ")})` : "";
  return [
    {
      name: "lost lock",
      detail: `the worker could not renew ${locks}${named} in time, which ${lostLocks === 1 ? "is" : "are"} run again: it was blocked, or cut off from the store, for longer than BullMQ's lockDuration`,
      next: "look at what blocks its thread, or raise lockDuration",
    },
  ];
}
