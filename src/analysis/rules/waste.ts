import { showMs, showShare } from "../../figures.ts";
import * as names from "../../telemetry/names.ts";
import { type Facts, sumOf } from "../facts.ts";
import { functionEvidence, jobEvidence, loadFigures, metricEvidence, type Rule, waitExplained } from "../finding.ts";
import type { JobTypeFacts } from "../job_type.ts";
import { gainOfPart, gainOfThread } from "../predict.ts";
import type { Finding, Gain } from "../report.ts";
import { limit } from "../thresholds.ts";
import { isMostlyCpu } from "./cpu.ts";

/** Pauses for garbage take a good part of the thread's time. */
export const garbageCollection: Rule = (facts) => {
  const { types, metrics } = facts;
  if (isHeapNearlyFull(facts)) return []; // a heap that is full is why: its rule says so
  const found = wasted(facts, "gc", "garbageOfCpu");
  if (!found) return [];
  const { name, type, ms, share, explainsMs } = found;
  const seconds = metrics.change(names.GC_DURATION);
  return [
    {
      rule: "garbage-collection",
      title: `Garbage collection takes ${showShare(share)} of the thread's time`,
      detail: `${showMs(ms / type.count)} a job in ${name}. Pauses that became known after a job's end are not in it.`,
      ...{ samples: sampled(types), explainsMs },
      figures: [{ name: "garbage collection a job", value: ms / type.count, unit: "ms" }, ...loadFigures(facts)],
      evidence: [
        ...jobEvidence(type, "gc"),
        ...functionEvidence(facts, type.name),
        ...metricEvidence(names.GC_DURATION, seconds, "s"),
        ...metricEvidence(names.HEAP_LIMIT, metrics.newest(names.HEAP_LIMIT), "By"),
      ],
      action:
        "Make less garbage in the functions above, or give short-lived objects more room (--max-semi-space-size).",
      gain: gainOf(facts, type, "gc"),
    },
  ];
};

/** The quota of the cgroup is used up and the thread stands still. */
export const quotaThrottling: Rule = (facts) => {
  const { types, metrics } = facts;
  const periods = metrics.change(names.CGROUP_CPU_PERIODS);
  const throttled = metrics.change(names.CGROUP_CPU_THROTTLED_PERIODS);
  const periodShare = periods && throttled !== undefined ? throttled / periods : undefined;
  if (periodShare !== undefined && periodShare < limit("throttledPeriods")) return [];
  const found = wasted(facts, "throttled", "throttledOfCpu");
  if (!found) return [];
  const { name, type, ms, share, explainsMs } = found;
  const cpus = metrics.newest(names.CGROUP_CPU_LIMIT);
  return [
    {
      rule: "quota-throttling",
      title: `The CPU quota is used up: the thread stands still for ${showShare(share)} of its time`,
      detail: `${showMs(ms / type.count)} a job in ${name}, an estimate from the kernel's count${periodShare === undefined ? "" : `; ${showShare(periodShare)} of the periods were throttled`}.`,
      ...{ samples: sampled(types), explainsMs },
      figures: [
        { name: "throttled a job", value: ms / type.count, unit: "ms" },
        ...(periodShare === undefined ? [] : [{ name: "periods throttled", value: 100 * periodShare, unit: "%" }]),
        ...loadFigures(facts),
      ],
      evidence: [
        ...jobEvidence(type, "throttled"),
        ...metricEvidence(names.CGROUP_CPU_LIMIT, cpus, "cpu"),
        ...metricEvidence(names.CGROUP_CPU_THROTTLED_PERIODS, throttled, "periods"),
      ],
      action: cpus === undefined ? "Raise the CPU quota." : `Raise the CPU quota above ${cpus} CPUs (PRODLIKE_CPUS).`,
      gain: gainOf(facts, type, "throttled"),
    },
  ];
};

/** How full the heap of a worker became, of its limit; 0 where that is not measured. */
function heapShare({ metrics }: Facts): number {
  const most = metrics.newest(names.HEAP_LIMIT);
  return most ? (metrics.most(names.HEAP_SPACE_USED) ?? 0) / most : 0;
}

/**
 * The limit has the young generation in it, of which most is empty: with the old one full, less than all of it is used, and
 * V8 collects the whole heap again and again.
 */
function isHeapNearlyFull(facts: Facts): boolean {
  const share = heapShare(facts);
  const majorMs = (facts.metrics.change(names.GC_DURATION, "major") ?? 0) * 1e3;
  const threadMs = (facts.capacity.threadMs ?? 0) * facts.capacity.attempts;
  const isThrashing = threadMs > 0 && majorMs >= limit("garbageOfCpu") * threadMs;
  return share >= limit("heapUsed") || (share >= limit("heapUsedThrashing") && isThrashing);
}

function wasted(facts: Facts, part: "gc" | "throttled", threshold: "garbageOfCpu" | "throttledOfCpu") {
  const { types, capacity } = facts;
  const ownMs = types.reduce((sum, [, type]) => sum + type.ownMs, 0);
  const ms = sumOf(types, part);
  const share = ownMs > 0 ? ms / ownMs : 0;
  if (share < limit(threshold)) return undefined;
  // What such a pause keeps from the others, of jobs that are mostly CPU: they stand behind it.
  const behind = types.reduce((sum, [, type]) => sum + (isMostlyCpu(type) ? (type.sum("blocked") ?? 0) : 0), 0) * share;
  const explainsMs = ms + behind + (capacity.bottleneck === "thread" ? waitExplained(facts, share) : 0);
  const isFelt = capacity.bottleneck === "thread" || ms + behind >= limit("wasteOfTotal") * sumOf(types, "total");
  const [name, type] = mostOf(types, part);
  return isFelt ? { name, type, ms: type.sum(part) ?? 0, share, explainsMs } : undefined;
}

function gainOf(facts: Facts, type: JobTypeFacts, part: "gc" | "throttled"): Gain {
  if (facts.capacity.bottleneck !== "thread") return gainOfPart(type, [part]);
  const { attempts, ownMs, threadMs } = facts.capacity;
  const ms = sumOf(facts.types, part) / attempts;
  // The quota stops the thread whoever has it: what is booked to no job too.
  return gainOfThread(facts, part === "throttled" && ownMs && threadMs ? (ms / ownMs) * threadMs : ms);
}

function mostOf(types: Facts["types"], part: "gc" | "throttled"): Facts["types"][number] {
  return types.reduce((most, each) => ((each[1].sum(part) ?? 0) > (most[1].sum(part) ?? 0) ? each : most));
}

const sampled = (types: Facts["types"]) => types.reduce((sum, [, { withLedger }]) => sum + withLedger, 0);

/** The heap, or the memory of the container, is nearly full. */
export const memoryNearLimit: Rule = (facts) => {
  const { metrics, types, capacity } = facts;
  const heap = heapShare(facts);
  const memoryLimit = metrics.newest(names.CGROUP_MEMORY_LIMIT);
  const memory = memoryLimit
    ? (metrics.most(names.CONTAINER_MEMORY_WORKING_SET) ?? metrics.most(names.CONTAINER_MEMORY_USAGE) ?? 0) /
      memoryLimit
    : 0;
  const isHeap = isHeapNearlyFull(facts);
  if (!isHeap && memory < limit("memoryUsed")) return [];
  const [, type] = mostOf(types, "gc");
  const gc = sumOf(types, "gc");
  const ownMs = types.reduce((sum, [, each]) => sum + each.ownMs, 0);
  const gcShare = ownMs > 0 ? gc / ownMs : 0;
  const kills = metrics.change(names.CGROUP_OOM_KILLS);
  const finding: Finding = {
    rule: "heap-near-limit",
    title: isHeap
      ? `The heap is nearly full: ${showShare(heap)} of its limit`
      : `The container's memory is nearly full: ${showShare(memory)} of its limit`,
    detail: isHeap
      ? `V8 collects harder the fuller it is, ${showShare(gcShare)} of the thread's time here, and ends the process at the limit (exit code 134).`
      : "Beyond it the kernel kills the process (exit code 137), and its jobs are started again.",
    samples: metrics.points,
    explainsMs: gc + (capacity.bottleneck === "thread" ? waitExplained(facts, gcShare) : 0),
    figures: [
      ...(heap ? [{ name: "heap, most", value: 100 * heap, unit: "% of limit" }] : []),
      ...(memory ? [{ name: "memory, most", value: 100 * memory, unit: "% of limit" }] : []),
      { name: "garbage collection", value: 100 * gcShare, unit: "% of thread time" },
      ...loadFigures(facts),
    ],
    evidence: [
      ...metricEvidence(names.HEAP_SPACE_USED, metrics.most(names.HEAP_SPACE_USED), "By"),
      ...metricEvidence(names.HEAP_LIMIT, metrics.newest(names.HEAP_LIMIT), "By"),
      ...metricEvidence(names.CGROUP_MEMORY_LIMIT, memoryLimit, "By"),
      ...metricEvidence(names.CGROUP_OOM_KILLS, kills || undefined, "processes"),
      ...jobEvidence(type, "gc"),
    ],
    action: isHeap
      ? "Look at what the jobs keep, lower the concurrency, or raise --max-old-space-size together with the memory limit."
      : "Lower the concurrency, or raise the memory limit.",
    gain:
      gcShare >= limit("garbageOfCpu")
        ? gainOf(facts, type, "gc")
        : { predicted: false, reason: "it spares a crash, not time" },
  };
  return [finding];
};
