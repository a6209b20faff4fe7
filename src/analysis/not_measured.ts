import * as names from "../telemetry/names.ts";
import type { Facts } from "./facts.ts";
import type { OpenTraces } from "./open_traces.ts";
import type { NotMeasured } from "./report.ts";

export interface Damage {
  /** Spans without id or time. */
  spans: number;
  /** Why a part of the input ended early. */
  inputs: NotMeasured[];
}

/** What the run does not show, and why. */
export function listNotMeasured(
  { types, jobs, metrics, flames, load, capacity, description }: Facts,
  { traces, damage }: { traces: OpenTraces; damage: Damage },
): NotMeasured[] {
  const list: NotMeasured[] = [...damage.inputs];
  const add = (isMissing: boolean, what: string, reason: string) => {
    if (isMissing) list.push({ what, reason });
  };
  const with_ = (part: Parameters<(typeof types)[number][1]["sum"]>[0]) =>
    types.reduce((sum, [, type]) => sum + (type.sums.get(part)?.count ?? 0), 0);
  const withLedger = with_("cpu");
  const ofJobs = (count: number) => `${jobs.count - count} of ${jobs.count} job spans`;
  add(jobs.count === 0, "jobs", "no job span arrived: CONSUMER with messaging.operation.type=process, or bullmq.*");
  if (jobs.count > 0) {
    add(
      withLedger < jobs.count,
      "where the time of a run went",
      `${ofJobs(withLedger)} have no ledger: another instrumentation, Deno, a sandboxed processor, or PRODLIKE_LEDGER=off`,
    );
    add(
      with_("wait") < jobs.count,
      "the wait in the queue",
      `${ofJobs(with_("wait"))} do not tell it: total is without it there`,
    );
    add(
      jobs.waitsFromEnqueue > 0,
      "intended delays",
      `the wait of ${jobs.waitsFromEnqueue} jobs is from the end of their enqueue span, a delay is in it`,
    );
    add(
      withLedger > 0 && with_("throttled") === 0,
      "throttling of jobs",
      "the worker had no CPU quota, or nobody counts it",
    );
    add(
      !capacity.isConcurrencyKnown,
      "the worker's concurrency",
      `its telemetry does not tell it; ${capacity.concurrency} jobs were seen at once`,
    );
    add(
      capacity.utilization === undefined,
      "whether the main thread was busy",
      "neither a ledger nor nodejs.eventloop.time",
    );
    add(jobs.requests.enqueue.count === 0, "enqueueing", "no PRODUCER span of the queue arrived");
  }
  add(metrics.points === 0, "event loop, memory and CPU over time", "no metrics of the worker arrived");
  if (metrics.points > 0) {
    add(!metrics.has(names.EVENT_LOOP_TIME), "event loop", "the runtime does not tell, as Deno");
    add(!metrics.has(names.GC_DURATION), "garbage collection over time", "no collection was announced");
    add(
      !metrics.has(names.CONTAINER_MEMORY_USAGE),
      "memory and throttling of the container",
      "the worker has no cgroup of its own",
    );
  }
  add(flames.samples === 0, "functions", "no CPU profile: PROFILING=on records them");
  // Attempts that failed and were retried are spans of their own: there are never fewer spans than jobs.
  add(
    load !== undefined && jobs.count > 0 && jobs.count < load.completed,
    "all jobs",
    `the client saw ${load?.completed} jobs completed, and spans of ${jobs.count} are there`,
  );
  add(load === undefined, "the client's view", "no load was recorded with the run");
  add(
    traces.split > 0,
    "whole traces",
    `${traces.split} spans were looked at apart from others of their trace: too many were open at once`,
  );
  add(damage.spans > 0, "damaged spans", `${damage.spans} spans without id or time, or that end before they start`);
  add(description.run.cutOff !== undefined, "the whole run", description.run.cutOff ?? "");
  // The recording knows the reason better.
  const told = new Set(description.notMeasured.map(({ what }) => what));
  return [...list.filter(({ what }) => !told.has(what)), ...description.notMeasured];
}
