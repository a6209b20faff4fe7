import { showShare } from "../../figures.ts";
import type { Facts } from "../facts.ts";
import { jobEvidence, loadFigures, type Rule, waitExplained } from "../finding.ts";
import { offeredPerSecond } from "../predict.ts";
import type { Gain } from "../report.ts";
import { limit } from "../thresholds.ts";

/** Attempts that failed took time that good ones needed. */
export const retries: Rule = (facts) => {
  const { types, capacity } = facts;
  const failing = types.filter(([, { failed, count }]) => failed >= 3 && failed >= limit("retriedAttempts") * count);
  if (failing.length === 0) return [];
  const failed = failing.reduce((sum, [, type]) => sum + type.failed, 0);
  const lostMs = failing.reduce((sum, [, type]) => sum + type.failedSpanMs, 0);
  const share = lostMs / (capacity.slotMs * capacity.attempts || 1);
  const retried = failing.reduce((sum, [, type]) => sum + type.retries, 0);
  const [name, type] = failing.reduce((most, each) => (each[1].failedMs > most[1].failedMs ? each : most));
  return [
    {
      rule: "retries",
      title: `${showShare(failed / capacity.attempts)} of the attempts fail${retried ? " and most are tried again" : ""}: ${showShare(share)} of the work is lost`,
      detail: `${type.failed} of ${type.count} attempts of ${name} failed; ${retried} attempts were not the first of their job.`,
      samples: failed,
      explainsMs: lostMs + (capacity.bottleneck ? waitExplained(facts, share) : 0),
      figures: [
        { name: "failed", value: failed, unit: "attempts" },
        { name: "tried again", value: retried, unit: "attempts" },
        { name: "work lost", value: 100 * share, unit: "%" },
        ...loadFigures(facts),
      ],
      evidence: jobEvidence(type, "failed"),
      action: `Look at why ${name} fails (the error is on the job span), and fail before the expensive part.`,
      gain: gainOfRetries(facts, share),
    },
  ];
};

function gainOfRetries({ capacity, load, types }: Facts, share: number): Gain {
  const { bottleneck, threadMs } = capacity;
  const ownMs = types.reduce((sum, [, type]) => sum + type.ownMs, 0);
  const failedOwnMs = types.reduce((sum, [, type]) => sum + type.failedOwnMs, 0);
  const lost = bottleneck === "thread" && threadMs && ownMs ? failedOwnMs / ownMs : share;
  if (!bottleneck) return { predicted: false, reason: "nothing is used up, so what is spared is work, not time a job" };
  const rate = offeredPerSecond(load);
  const good = capacity.throughputPerSecond * (1 - lost);
  const most = rate && good > 0 ? rate / good : Number.POSITIVE_INFINITY;
  const ratio = Math.max(0, Math.min(1 / (1 - Math.min(0.99, lost)), most) - 1);
  const formula = `jobs done x 1 / (1 - lost), up to what is offered: ${showShare(lost)} of the ${bottleneck === "thread" ? "thread's" : "slots'"} time went to attempts that failed`;
  return { predicted: true, what: "throughput", ratio, formula };
}
