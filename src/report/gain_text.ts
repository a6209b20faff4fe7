import type { Gain } from "../analysis/report.ts";
import { share } from "./figures.ts";

/** What an action would bring: "throughput +50 %", "p95 -50 %", or that nobody can say. */
export function gainText(gain: Gain): string {
  if (!gain.predicted) return "cannot be predicted";
  return gain.what === "throughput" ? `throughput +${share(gain.ratio)}` : `${gain.what} -${share(gain.ratio)}`;
}

/** From what it was calculated, or why it was not. */
export function gainReason(gain: Gain): string {
  return gain.predicted ? gain.formula : gain.reason;
}
