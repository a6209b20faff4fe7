import { showMs, showNumber, showShare } from "../../figures.ts";
import type { Facts } from "../facts.ts";
import { jobEvidence, loadFigures, type Rule, spanEvidence, waitExplained } from "../finding.ts";
import type { CallSums, JobTypeFacts, RepeatedSums } from "../job_type.ts";
import { gainOfMs, gainOfSlots, p95Of } from "../predict.ts";
import type { Finding, Gain } from "../report.ts";
import { limit } from "../thresholds.ts";

/** Many siblings of one name, one after the other, as of a query in a loop. */
export const repeatedCalls: Rule = (facts) =>
  facts.types.flatMap(([job, type]) =>
    repeatedOf(type)
      .slice(0, 2)
      .map(([name, sums]) => repeated(facts, { job, type, name, sums })),
  );

interface Found<Sums> {
  job: string;
  type: JobTypeFacts;
  name: string;
  sums: Sums;
}

function repeated(facts: Facts, { job, type, name, sums }: Found<RepeatedSums>): Finding {
  const { count, unionMs, jobs } = sums;
  const perJob = count / jobs;
  const savedMs = (unionMs * (1 - 1 / perJob)) / jobs;
  return {
    rule: "n-plus-one",
    title: `${job} does ${name} ${showNumber(perJob)} times a job, one after the other`,
    detail: `${showMs(unionMs / jobs)} a job, ${showShare(unionMs / (type.sum("run") || 1))} of its run, under one parent span.`,
    samples: jobs,
    explainsMs: savedMs * jobs + inQueue(facts, savedMs * jobs),
    figures: [
      { name: "calls a job", value: perJob, unit: "calls" },
      { name: "time a job", value: unionMs / jobs, unit: "ms" },
      { name: "time a call", value: unionMs / count, unit: "ms" },
      ...loadFigures(facts),
    ],
    evidence: spanEvidence(type, "repeated", name),
    action: `Fetch them with one call: one query with a list of keys, or a batch.`,
    gain: gainOf(facts, { type, savedMs, what: `all but one of ${showNumber(perJob)} calls` }),
  };
}

/** Jobs that wait for a call which is slow by itself. */
export const slowDownstream: Rule = (facts) =>
  facts.types.flatMap(([job, type]) => {
    const inLoops = new Set(repeatedOf(type).map(([name]) => name));
    const [slowest] = type.calls
      .entries()
      .filter(([name, sums]) => !inLoops.has(name) && isSlow(type, sums))
      .sort(([, a], [, b]) => b.unionMs - a.unionMs);
    if (slowest) return [slow(facts, { job, type, name: slowest[0], sums: slowest[1] })];
    return inLoops.size ? [] : unnamedWait(facts, job, type);
  });

function slow(facts: Facts, { job, type, name, sums }: Found<CallSums>): Finding {
  const waitedMs = waited(type, sums.unionMs);
  const { p50, p95 } = sums.durations.percentiles();
  return {
    rule: "slow-downstream",
    title: `${job} waits for ${name}: ${showMs(p50)} at p50, ${showShare(waitedMs / (type.sum("run") || 1))} of its run`,
    detail: `${showNumber(sums.durations.count / type.count)} calls a job, p95 ${showMs(p95)}${sums.failed ? `, ${sums.failed} failed` : ""}. The thread had nothing to do meanwhile.`,
    samples: sums.durations.count,
    explainsMs: waitedMs + inQueue(facts, waitedMs),
    figures: [
      { name: "call, p50", value: p50, unit: "ms" },
      { name: "call, p95", value: p95, unit: "ms" },
      { name: "waited a job", value: waitedMs / type.count, unit: "ms" },
      ...loadFigures(facts),
    ],
    evidence: spanEvidence(type, "call", name),
    action: `Make ${name} answer faster, keep its answer, or do without it in the job.`,
    gain: gainOf(facts, { type, savedMs: waitedMs / type.count, what: `all of ${name}` }),
  };
}

/** Without a CLIENT span that says for what: the span whose own time is mostly waiting. */
function unnamedWait(facts: Facts, job: string, type: JobTypeFacts): Finding[] {
  const idle = type.sum("idle");
  const run = type.sum("run") ?? 0;
  if (idle === undefined || facts.capacity.bottleneck === "thread") return [];
  const [most] = type.spans
    .entries()
    .filter(([name, { count, withCpu }]) => withCpu === count && !type.calls.entries().some(([call]) => call === name))
    .map(([name, { selfMs, cpuMs }]) => ({ name, ms: waited(type, selfMs - cpuMs) }))
    .sort((a, b) => b.ms - a.ms);
  if (!most || most.ms / type.count < limit("slowWaitMs") || most.ms < limit("partOfRun") * run) return [];
  return [
    {
      rule: "slow-downstream",
      title: `${job} waits in ${most.name} for something that has no span: ${showMs(most.ms / type.count)} a job`,
      detail: `${showShare(most.ms / run)} of its run. The thread had nothing to do meanwhile: a timer, a child process, a file or a call that is not instrumented.`,
      samples: type.withLedger,
      explainsMs: most.ms + inQueue(facts, most.ms),
      figures: [{ name: "waited a job", value: most.ms / type.count, unit: "ms" }, ...loadFigures(facts)],
      evidence: [...spanEvidence(type, "idle", most.name), ...jobEvidence(type, "idle")].slice(0, 1),
      action: `Find out what ${most.name} waits for; a CLIENT span around it would name it here.`,
      gain: gainOf(facts, { type, savedMs: most.ms / type.count, what: "all of that wait" }),
    },
  ];
}

function repeatedOf(type: JobTypeFacts): [string, RepeatedSums][] {
  const run = type.sum("run") ?? 0;
  return type.repeated
    .entries()
    .filter(([, { count, unionMs, sumMs, jobs }]) => {
      // Those that are under way at the same time wait for the slowest only.
      if (unionMs < limit("partOfRun") * sumMs) return false;
      const isMany = count / jobs >= limit("repeatedCalls") && jobs >= Math.min(limit("leastJobs"), type.count);
      return isMany && waited(type, unionMs) >= limit("partOfTotal") * run && unionMs / jobs >= limit("waitingMs");
    })
    .sort(([, a], [, b]) => b.unionMs - a.unionMs);
}

function isSlow(type: JobTypeFacts, { unionMs, durations }: CallSums): boolean {
  if (durations.percentiles().p50 < limit("slowCallMs")) return false;
  const run = type.sum("run") ?? 0;
  return waited(type, unionMs) >= limit("partOfRun") * (run - (type.sum("blocked") ?? 0));
}

/** A call lasts until the thread has time for its answer: what the job was blocked, or computed meanwhile, is none of its doing. */
function waited(type: JobTypeFacts, ms: number): number {
  const idle = type.sum("idle");
  return idle === undefined ? ms : Math.max(0, Math.min(ms, idle + (type.sum("overlapped") ?? 0)));
}

/** What of the wait in the queue comes from it: as much as it is of the time that jobs have their slots. */
function inQueue(facts: Facts, ms: number): number {
  const { bottleneck, slotMs, attempts } = facts.capacity;
  return bottleneck === "slots" ? waitExplained(facts, ms / (slotMs * attempts)) : 0;
}

function gainOf(facts: Facts, { type, savedMs, what }: { type: JobTypeFacts; savedMs: number; what: string }): Gain {
  const { bottleneck, attempts } = facts.capacity;
  if (bottleneck === "thread")
    return { predicted: false, reason: "jobs queue for the thread, which does not wait for it" };
  const gain =
    bottleneck === "slots"
      ? gainOfSlots(facts, (savedMs * type.count) / attempts)
      : gainOfMs(savedMs, p95Of(type).total);
  return gain.predicted ? { ...gain, formula: `${gain.formula}, ${what} spared` } : gain;
}
