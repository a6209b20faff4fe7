import { flagRules } from "./lint_flags.ts";
import { heapRules } from "./lint_heap.ts";
import { concurrencyRule, cpuRules, swapRules } from "./lint_machine.ts";
import type { LimitFinding, Subject } from "./subject.ts";

/** What is wrong with the limits of one process, worst first. Pure: the same subject gives the same findings. */
export function lintLimits(subject: Subject): LimitFinding[] {
  const found = [
    ...heapRules(subject),
    ...concurrencyRule(subject),
    ...flagRules(subject),
    ...cpuRules(subject),
    ...swapRules(subject),
  ];
  return found.map(({ rule, ...rest }) => ({ rule, subject: subject.name, ...rest }));
}
