import type { Role } from "../application/application.ts";
import { type LostSpans, lostSpans, type SpanAccounting } from "../recording/span_counts.ts";
import type { Check } from "./checks.ts";

/** What checks prove together. */
export interface Conclusion {
  ok: boolean;
  /** "nothing can be said": the job completed, and spans that would prove the rest were lost. */
  outcome: "proved" | "disproved" | "nothing can be said";
  /** The outcome in a sentence. */
  summary: string;
}

export interface Losses {
  /** What became of the spans. */
  accounting?: SpanAccounting;
  /** Why the collector cannot store anything. */
  noRoom?: string | undefined;
}

/** Concludes from checks; one that failed weighs more than telemetry that was lost. */
export function conclude(
  { api, worker }: Record<Role, string>,
  checks: Check[],
  { accounting = {}, noRoom }: Losses = {},
): Conclusion {
  const failed = checks.filter(({ ok }) => !ok);
  const [first] = failed;
  if (!first) {
    const summary = `Proved: one job travelled from ${api} through the queue into ${worker}, as one trace.`;
    return { ok: true, outcome: "proved", summary };
  }
  const isOfTelemetry = failed.every(({ rests }) => rests);
  const isOfTrace = failed.every(({ rests }) => rests === "on the trace");
  const lostOf = ({ service, lost: count }: LostSpans) => `${service} lost ${count.toLocaleString("en-US")} spans`;
  const lost = isOfTelemetry && noRoom ? noRoom : isOfTrace ? lostSpans(accounting).map(lostOf).join(", ") : "";
  if (lost) return { ok: false, outcome: "nothing can be said", summary: `Nothing can be said: ${lost}` };
  const more = failed.length > 1 ? `; ${failed.length} of ${checks.length} checks failed` : "";
  return { ok: false, outcome: "disproved", summary: `Disproved: ${first.name}: ${first.detail}${more}` };
}
