import { showMs, showShare } from "../../figures.ts";
import * as names from "../../telemetry/names.ts";
import { type Facts, sumOf } from "../facts.ts";
import { functionEvidence, jobEvidence, loadFigures, metricEvidence, type Rule } from "../finding.ts";
import { showFunction } from "../function_name.ts";
import type { JobTypeFacts } from "../job_type.ts";
import { gainOfPart, p95Of } from "../predict.ts";
import { limit } from "../thresholds.ts";
import { isMostlyCpu } from "./cpu.ts";

/** Jobs that could go on, but the thread runs the code of others for long. */
export const blockedByNeighbours: Rule = (facts) => {
  const { types, capacity, metrics } = facts;
  const victims = types.filter(([, type]) => isVictim(facts, type));
  if (victims.length === 0 || isTooMany(facts)) return [];
  const [name, type] = mostBlocked(victims);
  const neighbour = heavierNeighbour(facts, type);
  const longestMs = longestBlockMs(facts);
  // Short turns of many are the work of too many at once, or of a thread that is full.
  if (!neighbour && (longestMs ?? 0) < limit("longBlockMs")) return [];
  const blocked = sumOf(victims, "blocked");
  const wait = capacity.bottleneck === undefined ? sumOf(victims, "wait") : 0;
  const who = neighbour?.[0] ?? "code that belongs to no job or to others of its kind";
  const [target] = neighbour ? facts.flames.suspects(neighbour[1].name) : [];
  const perJobMs = (type.sum("blocked") ?? 0) / type.count;
  return [
    {
      rule: "blocked-by-neighbours",
      title: `${name} is blocked for ${showShare(keptMs(facts, type) / (type.sum("total") || 1))} of its time by ${who}`,
      detail: [
        `${showMs(perJobMs)} a job in which it could have gone on, ${showMs(p95Of(type).mean.blocked ?? 0)} around the p95.`,
        longestMs === undefined ? "" : ` The longest block of the event loop took ${showMs(longestMs)}.`,
        aboutLocks(facts, longestMs),
      ].join(""),
      samples: victims.reduce((sum, [, each]) => sum + each.withLedger, 0),
      explainsMs: blocked + wait,
      figures: [
        { name: "blocked a job", value: perJobMs, unit: "ms" },
        ...(neighbour ? [{ name: `CPU a job of ${neighbour[0]}`, value: cpuPerJob(neighbour[1]), unit: "ms" }] : []),
        ...(longestMs === undefined ? [] : [{ name: "longest block", value: longestMs, unit: "ms" }]),
        ...loadFigures(facts),
      ],
      evidence: [
        ...jobEvidence(type, "blocked"),
        ...(neighbour ? jobEvidence(neighbour[1], "cpu") : []),
        ...functionEvidence(facts, neighbour ? neighbour[1].name : type.name),
        ...metricEvidence(names.EVENT_LOOP_DELAY_MAX, metrics.most(names.EVENT_LOOP_DELAY_MAX), "s"),
      ],
      action: neighbour
        ? `Give ${neighbour[0]} a worker process of its own, or cut its work${target ? ` in ${showFunction(target)}` : ""} into turns of less than 50 ms.`
        : "Cut what keeps the thread into turns of less than 50 ms, or move it to a worker thread.",
      gain: gainOfPart(type, capacity.bottleneck === undefined ? ["blocked", "wait"] : ["blocked"]),
    },
  ];
};

/** What the blocks mean for the locks of the jobs. */
function aboutLocks({ metrics, jobs, description }: Facts, longestMs: number | undefined): string {
  const ms = (seconds: number | undefined) => (seconds === undefined ? undefined : seconds * 1e3);
  const lockMs = ms(metrics.least(names.WORKER_LOCK_DURATION)) ?? description.lockMs ?? jobs.lockMs ?? limit("lockMs");
  const renewMs = ms(metrics.least(names.WORKER_LOCK_RENEW_TIME)) ?? description.lockRenewMs ?? lockMs / 2; // BullMQ's default
  const lost = metrics.change(names.WORKER_LOCKS_LOST);
  const isAtRisk = longestMs !== undefined && longestMs >= lockMs - Math.min(renewMs, lockMs);
  if (!lost && !isAtRisk) return "";
  const lasts = ` A lock lasts ${showMs(lockMs)} and is renewed every ${showMs(renewMs)}: blocks like that let it run out, and the job is started twice (stalled).`;
  return lost ? `${lasts} That happened ${lost === 1 ? "once" : `${lost} times`} in this run.` : lasts;
}

/** More jobs at once than the thread can serve: they block each other, and nothing gets faster. */
export const concurrencyTooHigh: Rule = (facts) => {
  const { types, capacity } = facts;
  if (!isTooMany(facts)) return [];
  const { concurrency, threadMs = 0 } = capacity;
  const enough = enoughSlots(facts);
  const [name, type] = mostBlocked(types);
  return [
    {
      rule: "concurrency-too-high",
      title: `Concurrency ${concurrency} is too high: ${enough} jobs at once keep the thread busy`,
      detail: `A job takes ${showMs(threadMs)} of the thread and waits for ${showMs(capacity.slotMs - capacity.blockedMs - threadMs)} for other things, so more than ${enough} at once only block each other: ${showShare(sumOf(types, "blocked") / (sumOf(types, "run") || 1))} of their run.`,
      samples: types.reduce((sum, [, each]) => sum + each.withLedger, 0),
      explainsMs: sumOf(types, "blocked"),
      figures: [
        { name: "blocked a job", value: (type.sum("blocked") ?? 0) / type.count, unit: "ms" },
        { name: "enough at once", value: enough, unit: "jobs" },
        ...loadFigures(facts),
      ],
      evidence: [
        ...jobEvidence(type, "blocked"),
        ...metricEvidence(names.EVENT_LOOP_UTILIZATION, capacity.utilization, "1"),
      ],
      action: `Lower the concurrency from ${concurrency} to ${enough}: less memory, and locks and timeouts that are not stretched.`,
      gain: {
        predicted: false,
        reason: `the thread stays the bottleneck, so throughput stays; the run of ${name} falls by about ${showMs(capacity.blockedMs)} and its wait in the queue grows by as much`,
      },
    },
  ];
};

/** Jobs at once that keep the thread of a process busy, with half of it to spare for jobs that differ. */
function enoughSlots({ capacity }: Facts): number {
  const { threadMs = 0, slotMs, blockedMs } = capacity;
  return threadMs > 0 ? Math.ceil((1.5 * Math.max(threadMs, slotMs - blockedMs)) / threadMs) : 1;
}

function isTooMany({ types, capacity }: Facts): boolean {
  const { threadMs, slotMs, blockedMs, runMs, concurrency, utilization = 0 } = capacity;
  if (!threadMs || utilization < limit("threadSaturated")) return false;
  const saturates = Math.max(threadMs, slotMs - blockedMs) / threadMs;
  return (
    !types.some(([, type]) => type.ownMs > 0 && isMostlyCpu(type)) &&
    blockedMs >= limit("blockedOfRun") * runMs &&
    concurrency > limit("tooManySlots") * saturates
  );
}

function isVictim(facts: Facts, type: JobTypeFacts): boolean {
  const blocked = type.sum("blocked");
  if (!blocked || isMostlyCpu(type)) return false;
  const kept = keptMs(facts, type);
  const rest = (type.sum("total") ?? 0) - (kept - blocked);
  return kept / type.count >= limit("blockedMs") && blocked >= limit("partOfTotal") * rest;
}

/** What the jobs of a type were kept from the thread: with slots free, also their wait, as nobody fetches them meanwhile. */
function keptMs({ capacity }: Facts, type: JobTypeFacts): number {
  return (type.sum("blocked") ?? 0) + (capacity.bottleneck === undefined ? (type.sum("wait") ?? 0) : 0);
}

/** Another type that takes so much more of the thread a job that it is its doing. */
function heavierNeighbour({ types }: Facts, victim: JobTypeFacts): Facts["types"][number] | undefined {
  const least = Math.max(limit("longCpuMs") / 2, limit("heavierNeighbour") * cpuPerJob(victim));
  return types
    .filter(([, type]) => type !== victim && cpuPerJob(type) >= least)
    .reduce<Facts["types"][number] | undefined>(
      (most, each) => (each[1].ownMs > (most?.[1].ownMs ?? 0) ? each : most),
      undefined,
    );
}

const cpuPerJob = (type: JobTypeFacts) => (type.withLedger ? type.ownMs / type.withLedger : 0);

function mostBlocked(types: Facts["types"]): Facts["types"][number] {
  return types.reduce((most, each) => ((each[1].sum("blocked") ?? 0) > (most[1].sum("blocked") ?? 0) ? each : most));
}

function longestBlockMs({ metrics }: Facts): number | undefined {
  if (!metrics.has(names.EVENT_LOOP_DELAY_MAX)) return undefined;
  return Math.max(0, (metrics.most(names.EVENT_LOOP_DELAY_MAX) ?? 0) * 1e3 - names.EVENT_LOOP_DELAY_RESOLUTION_MS);
}
