import { showMs, showShare } from "../../figures.ts";
import { SpanKind } from "../../otlp/types.ts";
import { type Facts, sumOf } from "../facts.ts";
import { jobEvidence, loadFigures, type Rule, waitExplained } from "../finding.ts";
import { gainOfMs, gainOfSlots, p95Of } from "../predict.ts";
import type { Evidence, Gain } from "../report.ts";
import { limit } from "../thresholds.ts";

/** The queue store takes long to give a job and to take its result. */
export const slowStore: Rule = (facts) => {
  const { types, capacity, jobs, description } = facts;
  const store = sumOf(types, "store");
  const median = jobs.store.percentiles();
  // Where jobs queue for slots, their wait is as long as the queue: what counts is how long they keep the slot.
  const all = capacity.bottleneck === "slots" ? capacity.slotMs * capacity.attempts : sumOf(types, "total");
  if (capacity.bottleneck === "thread" || median.p50 < limit("storeMs") || store < limit("partOfTotal") * all)
    return [];
  const [name, type] = types.reduce((most, each) =>
    (each[1].sum("store") ?? 0) > (most[1].sum("store") ?? 0) ? each : most,
  );
  const perJobMs = store / median.samples;
  // With slots and thread free, a job that waits, waits for the store to hand it over.
  const share = store / (capacity.slotMs * capacity.attempts || 1);
  const wait = capacity.bottleneck === "slots" ? waitExplained(facts, share) : sumOf(types, "wait");
  const enqueue = jobs.requests.enqueue.percentiles();
  const p95 = p95Of(type);
  const gain =
    capacity.bottleneck === "slots"
      ? gainOfSlots(facts, perJobMs)
      : gainOfMs(Math.min(p95.total, perJobMs + (p95.mean.wait ?? 0)), p95.total);
  return [
    {
      rule: "slow-store",
      title: `The queue store is slow: ${showMs(median.p50)} a job beside the run of ${name}`,
      detail: `The job span is that much longer than the run, for the store's round trips (${description.run.store}).${enqueue.samples ? ` Enqueueing takes ${showMs(enqueue.p50)} at p50.` : ""}`,
      samples: median.samples,
      explainsMs: store + wait + jobs.requests.enqueue.sum,
      figures: [
        { name: "store a job, p50", value: median.p50, unit: "ms" },
        { name: "store a job, p95", value: median.p95, unit: "ms" },
        ...(enqueue.samples ? [{ name: "enqueue, p50", value: enqueue.p50, unit: "ms" }] : []),
        ...loadFigures(facts),
      ],
      evidence: [...jobEvidence(type, "store"), ...requestEvidence(facts, "enqueue")],
      action:
        "Measure the store's round trip (its network, its disk, its load) and the size of what jobs carry and return.",
      gain,
    },
  ];
};

/** The request that starts a job takes long before the job is in its queue. */
export const slowRequests: Rule = (facts, found) => {
  const { server, enqueue } = facts.jobs.requests;
  if (server.count < limit("leastJobs") || found.some(({ rule }) => rule === "slow-store")) return [];
  const { p50, p95, samples } = server.percentiles();
  const { totalMs } = facts.capacity;
  if (p50 < limit("requestMs") || server.mean < limit("partOfTotal") * (server.mean + totalMs)) return [];
  const isEnqueue = enqueue.sum >= limit("partOfRun") * server.sum;
  return [
    {
      rule: "slow-api",
      title: isEnqueue
        ? `Enqueueing is slow: ${showMs(enqueue.percentiles().p50)} at p50 of a request's ${showMs(p50)}`
        : `The API is slow: ${showMs(p50)} at p50 before the answer, ${showShare(server.mean / (server.mean + totalMs))} of the whole`,
      detail: `Enqueueing is ${showShare(enqueue.sum / server.sum)} of it; the rest is the API's own.`,
      samples,
      explainsMs: isEnqueue ? enqueue.sum : server.sum,
      figures: [
        { name: "request, p50", value: p50, unit: "ms" },
        { name: "request, p95", value: p95, unit: "ms" },
        { name: "enqueue, p50", value: enqueue.percentiles().p50, unit: "ms" },
      ],
      evidence: requestEvidence(facts, isEnqueue ? "enqueue" : "request"),
      action: isEnqueue
        ? "Measure the API's round trip to the queue store, and the size of what it puts in."
        : "Answer with 202 first: move what is done before the enqueue into the job.",
      gain: gainOfRequest(facts, isEnqueue ? enqueue.mean : server.mean),
    },
  ];
};

function gainOfRequest({ load }: Facts, savedMs: number): Gain {
  if (!load?.total) return { predicted: false, reason: "without a recorded load the client's whole is not known" };
  return gainOfMs(Math.min(savedMs, load.total.p95), load.total.p95);
}

/** The slowest request or enqueue that a job's trace shows. */
function requestEvidence({ types }: Facts, criterion: "request" | "enqueue"): Evidence[] {
  const kind = criterion === "request" ? SpanKind.SERVER : SpanKind.PRODUCER;
  const found = types.flatMap(([, type]): (Evidence & { ms: number })[] => {
    const trace = type.exemplars.get(criterion);
    const span = trace?.spans.find((each) => each.kind === kind);
    if (!trace || !span) return [];
    const { spanId, name, durationMs: ms } = span;
    return [{ kind: "span", traceId: trace.traceId, spanId, name, ms }];
  });
  return found.sort((a, b) => b.ms - a.ms).slice(0, 1);
}
