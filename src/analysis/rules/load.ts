import { showMs } from "../../figures.ts";
import type { LoadSummary } from "../../load_summary.ts";
import type { Finding } from "../report.ts";
import { limit } from "../thresholds.ts";

/** The load generator could not send when it should have: then what it measured is its own doing. */
export function loadGeneratorSaturated(load: LoadSummary | undefined): Finding[] {
  const { lateness, total } = load ?? {};
  if (!lateness || !total || lateness.samples === 0) return [];
  if (lateness.p95 < limit("latenessMs") || lateness.p95 < limit("lateness") * total.p50) return [];
  return [
    {
      rule: "load-generator-saturated",
      title: `The load generator was late by ${showMs(lateness.p95)} at p95: this run proves nothing about the worker`,
      detail: `Requests left after their time, so less was asked of the worker than planned, and what it was asked came in bursts.`,
      samples: lateness.samples,
      explainsMs: lateness.mean * lateness.samples,
      figures: [
        { name: "late, p50", value: lateness.p50, unit: "ms" },
        { name: "late, p95", value: lateness.p95, unit: "ms" },
      ],
      evidence: [],
      action: "Lower RATE, or send the load from another machine than the worker's.",
      gain: { predicted: false, reason: "it is no bottleneck of the worker" },
    },
  ];
}
