import type { Criterion } from "./exemplars.ts";
import type { Facts } from "./facts.ts";
import type { JobTypeFacts } from "./job_type.ts";
import type { Evidence, Finding } from "./report.ts";

/** Looks for one kind of bottleneck; `found` is what the rules before it have found. */
export type Rule = (facts: Facts, found: readonly Finding[]) => Finding[];

/** The job that stands out most by a criterion, as evidence: its job span and how long it took there. */
export function jobEvidence(facts: JobTypeFacts, criterion: Criterion): Evidence[] {
  const trace = facts.exemplars.get(criterion);
  if (!trace) return [];
  const { traceId, spanId, job, totalMs, parts } = trace;
  const ms = criterion in parts ? (parts[criterion as keyof typeof parts] ?? totalMs) : totalMs; // most criteria are parts
  return [{ kind: "span", traceId, spanId, name: job, ms }];
}

/** The longest span of that name in the job that stands out most. */
export function spanEvidence(facts: JobTypeFacts, criterion: Criterion, name: string): Evidence[] {
  const trace = facts.exemplars.get(criterion);
  const span = trace?.spans
    .filter((each) => each.name === name)
    .reduce<(typeof trace.spans)[number] | undefined>(
      (most, each) => (each.durationMs > (most?.durationMs ?? -1) ? each : most),
      undefined,
    );
  if (!trace || !span) return jobEvidence(facts, criterion);
  return [{ kind: "span", traceId: trace.traceId, spanId: span.spanId, name, ms: span.durationMs }];
}

/** The three functions that a job's CPU time can be attacked at. */
export function functionEvidence({ flames }: Facts, job: string): Evidence[] {
  return flames
    .suspects(job)
    .slice(0, 3)
    .map((suspect) => ({ kind: "function", ...suspect }));
}

/** A metric's value, when it was measured. */
export function metricEvidence(name: string, value: number | undefined, unit: string): Evidence[] {
  return value === undefined ? [] : [{ kind: "metric", name, value, unit }];
}

/** What a finding shows of the thread and its queue. */
export function loadFigures({ capacity }: Facts): Finding["figures"] {
  const { utilization, throughputPerSecond, waitMs, slotUse, concurrency } = capacity;
  return [
    ...(utilization === undefined ? [] : [{ name: "main thread busy", value: 100 * utilization, unit: "%" }]),
    { name: "slots in use", value: 100 * slotUse, unit: "%" },
    { name: "concurrency", value: concurrency, unit: "jobs" },
    { name: "throughput", value: throughputPerSecond, unit: "jobs/s" },
    { name: "wait, mean", value: waitMs, unit: "ms" },
  ];
}

/** How much of the wait in the queue an amount of the bottleneck's time explains: as much of it as it is of that time. */
export function waitExplained({ types }: Facts, share: number): number {
  return types.reduce((total, [, facts]) => total + (facts.sum("wait") ?? 0), 0) * Math.min(1, Math.max(0, share));
}
