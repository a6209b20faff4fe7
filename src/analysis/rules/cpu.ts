import { showMs, showShare } from "../../figures.ts";
import { type Facts, sumOf } from "../facts.ts";
import { functionEvidence, jobEvidence, loadFigures, type Rule, waitExplained } from "../finding.ts";
import type { Suspect } from "../flames.ts";
import { showFunction, showPlacedFunction } from "../function_name.ts";
import type { JobTypeFacts } from "../job_type.ts";
import { cpuOfBusyThread } from "../laws.ts";
import { gainOfPart, gainOfThread } from "../predict.ts";
import type { Finding, Gain, Part } from "../report.ts";
import { limit } from "../thresholds.ts";

/** Code that keeps the thread: jobs are mostly CPU, or the thread is what they queue for. */
export const cpuBound: Rule = (facts) => facts.types.flatMap(([name, type]) => ofType(facts, name, type));

/** What a type of job would take alone: its run without what neighbours took. */
export function aloneMs(type: JobTypeFacts): number {
  return Math.max(0, (type.sum("run") ?? 0) - (type.sum("blocked") ?? 0));
}

/** Whether the jobs of a type are mostly JavaScript of their own. */
export function isMostlyCpu(type: JobTypeFacts): boolean {
  return type.ownMs >= limit("partOfRun") * aloneMs(type);
}

function ofType(facts: Facts, name: string, type: JobTypeFacts): Finding[] {
  const { capacity, flames } = facts;
  const cpu = type.sum("cpu");
  const total = type.sum("total") ?? 0;
  if (!cpu || type.withLedger === 0) return [];
  // Then it is not the code's own work that takes the time, and the rules of that say so.
  if (Math.max(type.ownMs - cpu, type.failedOwnMs) >= limit("wasteOfCpu") * type.ownMs) return [];
  const allOwnMs = facts.types.reduce((sum, [, each]) => sum + each.ownMs, 0);
  const isBottleneck = capacity.bottleneck === "thread" && type.ownMs >= limit("partOfTotal") * allOwnMs;
  const isMostly = isMostlyCpu(type);
  const blockedBySame = isMostly ? (type.sum("blocked") ?? 0) : 0;
  const isLong =
    isMostly && cpu / type.withLedger >= limit("longCpuMs") && cpu + blockedBySame >= total * limit("partOfRun");
  if (!isBottleneck && !isLong) return [];

  const perJobMs = cpu / type.withLedger;
  const [suspect] = flames.suspects(type.name);
  const target = suspect && suspect.share >= limit("suspect") ? suspect : undefined;
  const savedMs = target && (perJobMs * type.withLedger * target.share) / capacity.attempts;
  const gain: Gain =
    target && savedMs
      ? withFunction(
          isBottleneck
            ? gainOfThread(facts, savedMs)
            : gainOfPart(type, isMostly ? keptBySame(facts) : ["cpu"], target.share),
          showFunction(target),
        )
      : {
          predicted: false,
          reason: suspect
            ? "the time is spread over many functions"
            : "without profiles (PROFILING=on) nobody knows which function takes how much",
        };
  const share = cpu / total;
  const cpuTime = type.sums.get("cpuTime");
  return [
    {
      rule: "cpu-bound",
      title: target
        ? `CPU-bound code: ${showFunction(target)} takes ${showShare(target.share)} of the CPU time of ${name}`
        : `CPU-bound code: ${name} takes ${showMs(perJobMs)} of CPU a job`,
      detail: `${showShare(share)} of the time of ${name} is its own JavaScript${isBottleneck ? `, and jobs queue for the main thread, which is ${showShare(capacity.utilization ?? 0)} busy` : ""}.${stageOf(type)}${suspect ? "" : " No profile says which function."}${competition(facts)}`,
      samples: type.withLedger,
      explainsMs: cpu + blockedBySame + (isBottleneck ? waitExplained(facts, cpu / Math.max(1, allOwnMs)) : 0),
      figures: [
        { name: "CPU a job", value: perJobMs, unit: "ms" },
        ...(cpuTime
          ? [{ name: "CPU time, without other processes", value: cpuTime.ms / cpuTime.count, unit: "ms" }]
          : []),
        { name: "share of total", value: 100 * share, unit: "%" },
        { name: "blocked by jobs of its kind", value: blockedBySame / type.count, unit: "ms" },
        ...loadFigures(facts),
      ],
      evidence: [...functionEvidence(facts, type.name), ...jobEvidence(type, "cpu")],
      action: actionFor(name, target, suspect !== undefined),
      gain,
    },
  ];
}

/** Where jobs of a kind keep each other from the thread: with slots free they also wait, as nobody fetches them meanwhile. */
function keptBySame({ capacity }: Facts): Part[] {
  return capacity.bottleneck === undefined ? ["cpu", "blocked", "wait"] : ["cpu", "blocked"];
}

function actionFor(job: string, target: Suspect | undefined, hasProfile: boolean): string {
  if (!hasProfile) return "Record the run again with PROFILING=on: it names the functions.";
  if (!target)
    return `Start another worker process, or look at the flame graph of ${job} for work that it can do without.`;
  return `Make ${showPlacedFunction(target)} cheaper, or move it to a worker thread.`;
}

/** The span inside the jobs that has the most of their CPU time, when that is much of it. */
function stageOf(type: JobTypeFacts): string {
  const cpu = type.ownMs;
  const [most] = type.spans.entries().sort(([, a], [, b]) => b.cpuMs - a.cpuMs);
  if (!most || most[1].cpuMs < limit("suspect") * cpu) return "";
  return ` ${showShare(Math.min(1, most[1].cpuMs / cpu))} of its JavaScript is in the span ${most[0]}.`;
}

/** When the thread was busy without a CPU: then its times are longer than the code's. */
function competition({ metrics, types }: Facts): string {
  const share = cpuOfBusyThread(metrics);
  const isThrottled = types.some(([, type]) => (type.sum("throttled") ?? 0) > limit("lawError") * type.ownMs);
  if (share === undefined || share >= 1 - limit("lawError") || isThrottled) return "";
  return ` The thread had a CPU for ${showShare(share)} of that only: other processes of the machine wanted it too.`;
}

function withFunction(gain: Gain, name: string): Gain {
  return gain.predicted ? { ...gain, formula: `${gain.formula}, when ${name} takes no time` } : gain;
}

/** Without a ledger: the event loop's own figures say that the thread is full. */
export const threadBusy: Rule = (facts) => {
  const { types, capacity } = facts;
  const isBusy = capacity.bottleneck === "thread" && types.every(([, type]) => type.withLedger === 0);
  if (!isBusy || capacity.utilization === undefined || capacity.threadMs === undefined) return [];
  const [name, type] = types[0]!; // jobs queue, so there are some
  return [
    {
      rule: "cpu-bound",
      title: `CPU-bound code: the main thread is ${showShare(capacity.utilization)} busy`,
      detail: `Jobs queue for it. Job spans without the ledger do not say which jobs, mostly ${name}, take how much of it.`,
      samples: capacity.attempts,
      explainsMs: capacity.threadMs * capacity.attempts + sumOf(types, "wait"),
      figures: [{ name: "thread a job", value: capacity.threadMs, unit: "ms" }, ...loadFigures(facts)],
      evidence: [...functionEvidence(facts, type.name), ...jobEvidence(type, "slowest")],
      action: "Make the code of the jobs cheaper, or start another worker process.",
      gain: { predicted: false, reason: "what takes the thread's time is not measured by job" },
    },
  ];
};
