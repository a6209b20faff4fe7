import type { Facts } from "./facts.ts";
import type { Rule } from "./finding.ts";
import type { Finding } from "./report.ts";
import { blockedByNeighbours, concurrencyTooHigh } from "./rules/blocked.ts";
import { concurrencyTooLow } from "./rules/concurrency.ts";
import { cpuBound, threadBusy } from "./rules/cpu.ts";
import { repeatedCalls, slowDownstream } from "./rules/downstream.ts";
import { loadGeneratorSaturated } from "./rules/load.ts";
import { retries } from "./rules/retries.ts";
import { slowRequests, slowStore } from "./rules/store.ts";
import { garbageCollection, memoryNearLimit, quotaThrottling } from "./rules/waste.ts";
import { limit } from "./thresholds.ts";

/** In an order in which a rule comes behind those whose findings it takes into account. */
const RULES: readonly Rule[] = [
  ...[cpuBound, threadBusy, blockedByNeighbours, concurrencyTooHigh],
  ...[garbageCollection, memoryNearLimit, quotaThrottling],
  ...[repeatedCalls, slowDownstream, retries, slowStore, slowRequests, concurrencyTooLow],
];

/** What was found. */
export interface Found {
  /** One sentence. */
  verdict: string;
  /** What explains most time first. */
  findings: Finding[];
  /** Why nothing can be said; `undefined` when something can. */
  cannotSay: string | undefined;
}

/** What limits the jobs. */
export function findBottlenecks(facts: Facts): Found {
  const late = loadGeneratorSaturated(facts.load);
  // Whatever else the figures show was made by the generator.
  if (late[0]) return { verdict: late[0].title, findings: late, cannotSay: late[0].title };
  const cannotSay = tooFew(facts.jobs.count, facts.load?.completed ?? 0);
  if (cannotSay !== undefined) return { verdict: `Nothing can be said: ${cannotSay}`, findings: [], cannotSay };
  const findings: Finding[] = [];
  for (const rule of RULES) findings.push(...rule(facts, findings));
  findings.sort((a, b) => b.explainsMs - a.explainsMs);
  return { verdict: findings[0]?.title ?? "No bottleneck shown", findings, cannotSay: undefined };
}

function tooFew(attempts: number, completed: number): string | undefined {
  if (attempts >= limit("leastJobs")) return undefined;
  if (attempts === 0 && completed > 0) return `no job span arrived, of ${completed} jobs that completed`;
  if (attempts === 0) return "no job ended in this run";
  const few = attempts === 1 ? "only one attempt of a job" : `only ${attempts} attempts of jobs`;
  return `${few} ended, ${limit("leastJobs")} are needed`;
}
