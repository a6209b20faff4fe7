import type { Gain } from "../analysis/report.ts";
import { showShare } from "../figures.ts";

/** What an action would bring: "throughput 50 % higher", "p95 50 % lower", or that nobody can say. */
export function gainText(gain: Gain): string {
  if (!gain.predicted) return "cannot be predicted";
  return gain.what === "throughput"
    ? `throughput ${showShare(gain.ratio)} higher`
    : `p95 ${showShare(gain.ratio)} lower`;
}

/** From what it was calculated, or why it was not. */
export function gainReason(gain: Gain): string {
  return gain.predicted ? gain.formula : gain.reason;
}
