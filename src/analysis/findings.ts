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

/** What limits the jobs, what explains most time first, and the verdict in one sentence. */
export function findBottlenecks(facts: Facts): { verdict: string; findings: Finding[] } {
  const late = loadGeneratorSaturated(facts.load);
  // Whatever else the figures show was made by the generator.
  if (late[0]) return { verdict: late[0].title, findings: late };
  const { count } = facts.jobs;
  if (count === 0) return { verdict: "Nothing can be said: no job ended in this run", findings: [] };
  if (count < limit("leastJobs")) {
    const attempts = count === 1 ? "only one attempt of a job" : `only ${count} attempts of jobs`;
    return { verdict: `Nothing can be said: ${attempts} ended, ${limit("leastJobs")} are needed`, findings: [] };
  }
  const findings: Finding[] = [];
  for (const rule of RULES) findings.push(...rule(facts, findings));
  findings.sort((a, b) => b.explainsMs - a.explainsMs);
  return { verdict: findings[0]?.title ?? "No bottleneck shown", findings };
}
