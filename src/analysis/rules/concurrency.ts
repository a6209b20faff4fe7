import { showMs, showNumber, showShare } from "../../figures.ts";
import * as names from "../../telemetry/names.ts";
import { type Facts, sumOf } from "../facts.ts";
import { jobEvidence, loadFigures, metricEvidence, type Rule } from "../finding.ts";
import { offeredPerSecond } from "../predict.ts";
import type { Gain } from "../report.ts";
import { limit } from "../thresholds.ts";

/** Steps of the concurrency beyond this are a guess. */
const LARGEST_STEP = 8;

/** Jobs wait in the queue while those that have a slot wait for something else, and the thread has nothing to do. */
export const concurrencyTooLow: Rule = (facts, found) => {
  const { types, capacity } = facts;
  const { utilization, bottleneck, concurrency, slotMs, attempts } = capacity;
  if (bottleneck !== "slots" || utilization === undefined || utilization >= limit("threadHasRoom")) return [];
  const idle = sumOf(types, "idle");
  const hasLedger = types.some(([, { withLedger }]) => withLedger > 0);
  if (hasLedger && idle < limit("partOfRun") * sumOf(types, "run")) return [];
  const wanted = wantedSlots(facts);
  if (wanted <= concurrency) return [];
  const wait = sumOf(types, "wait");
  // What makes jobs keep their slots for long has its share of the queue already.
  const elsewhere = found
    .filter(({ rule }) => SLOT_RULES.has(rule))
    .reduce((sum, { explainsMs }) => sum + explainsMs, 0);
  const share = Math.max(0, 1 - elsewhere / (slotMs * attempts + wait));
  const [name, type] = types[0]!; // jobs wait, so there are some
  return [
    {
      rule: "concurrency-too-low",
      title: `Concurrency ${concurrency} is too low: jobs wait ${showMs(capacity.waitMs)} for a slot while the thread is ${showShare(1 - utilization)} idle`,
      detail: `A job of ${name} has its slot for ${showMs(slotMs)}${capacity.threadMs === undefined ? "" : ` and the thread for ${showMs(capacity.threadMs)} of it`}; ${showShare(capacity.slotUse)} of the slots were in use.${capacity.isConcurrencyKnown ? "" : " The concurrency is the most that was seen at once."}`,
      samples: attempts,
      explainsMs: wait * share,
      figures: [
        { name: "wanted at once", value: wanted, unit: "jobs" },
        ...(hasLedger ? [{ name: "idle a job", value: idle / attempts, unit: "ms" }] : []),
        ...loadFigures(facts),
      ],
      evidence: [
        ...jobEvidence(type, "wait"),
        ...jobEvidence(type, "idle"),
        ...metricEvidence(names.EVENT_LOOP_UTILIZATION, utilization, "1"),
        ...metricEvidence(names.ACTIVE_JOBS, facts.metrics.most(names.ACTIVE_JOBS), "jobs"),
      ],
      action: `Raise the concurrency from ${concurrency} to ${wanted}.`,
      gain: gainOf(facts, wanted),
    },
  ];
};

const SLOT_RULES = new Set(["slow-downstream", "n-plus-one", "slow-store", "retries"]);

/** Little's law: for what is offered and half as much again, or as many as keep the thread busy. */
function wantedSlots({ capacity, load }: Facts): number {
  const { slotMs, blockedMs, threadMs, processes, concurrency } = capacity;
  const aloneMs = Math.max(1, slotMs - blockedMs);
  const saturating = threadMs ? Math.ceil(aloneMs / threadMs) : Number.POSITIVE_INFINITY;
  const rate = offeredPerSecond(load);
  const offered = rate === undefined ? Number.POSITIVE_INFINITY : Math.ceil((1.5 * rate * aloneMs) / 1e3 / processes);
  return Math.min(saturating, offered, concurrency * LARGEST_STEP);
}

function gainOf({ capacity, load }: Facts, wanted: number): Gain {
  const { throughputPerSecond, threadMs, processes, slotMs, blockedMs } = capacity;
  const rate = offeredPerSecond(load);
  const bounds: [number, string][] = [
    [
      (1e3 * wanted * processes) / Math.max(1, slotMs - blockedMs),
      `${wanted * processes} slots / ${showMs(slotMs - blockedMs)}`,
    ],
    ...(threadMs
      ? [[(1e3 * processes) / threadMs, `thread: 1 / ${showMs(threadMs)} a job`] satisfies [number, string]]
      : []),
    ...(rate === undefined ? [] : [[rate, "offered"] satisfies [number, string]]),
  ];
  const [after, why] = bounds.reduce((least, bound) => (bound[0] < least[0] ? bound : least));
  const all = bounds.map(([bound, what]) => `${what} ${showNumber(bound)}/s`).join(", ");
  const formula = `min(${all}) / ${showNumber(throughputPerSecond)}/s now; the least is ${why}`;
  return { predicted: true, what: "throughput", ratio: Math.max(0, after / throughputPerSecond - 1), formula };
}
