import type { Throttling } from "../recording/throttling.ts";
import type { Warning } from "./accounting.ts";

/** A quota that is used up more rarely than this hardly delays a job. */
const NOTABLE_SHARE = 0.1;

/** A line when the quota was what a job waited for. */
export function throttlingWarnings(
  throttling: Throttling | { notMeasured: string },
  { service, job }: { service: string; job: string | undefined },
): Warning[] {
  if ("notMeasured" in throttling) return [];
  const { periods, throttledPeriods, throttledSeconds } = throttling;
  const share = throttledPeriods / periods;
  if (share < NOTABLE_SHARE) return [];
  const figures = `${throttledPeriods} of ${periods} periods (${Math.round(100 * share)} %), ${throttledSeconds.toFixed(2)} s lost`;
  const during = job ? ` while job ${job} ran` : "";
  return [
    {
      name: "CPU throttling",
      detail: `${service}: ${figures}${during}`,
      next: "raise PRODLIKE_CPUS, or take it as what production will be like",
    },
  ];
}
