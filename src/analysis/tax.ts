import { showNumber } from "../figures.ts";
import type { Facts } from "./facts.ts";
import type { Tax } from "./report.ts";

/** CPU of a span from its start to its export, us: the SDK's span, ledger and encoding (docs/verdicts.md). */
const US_PER_SPAN = 10;

/** What observing cost, by the number of spans. */
export function taxOf({ capacity, jobs }: Pick<Facts, "capacity" | "jobs">): Tax {
  if (jobs.count === 0) return { how: "no job ended" };
  const spans = jobs.spans / jobs.count;
  const cpuUsPerJob = US_PER_SPAN * spans;
  const { threadMs } = capacity;
  return {
    cpuUsPerJob,
    ...(threadMs ? { share: Math.min(1, cpuUsPerJob / 1e3 / threadMs) } : {}),
    how: `estimated: ${US_PER_SPAN} us a span, ${showNumber(spans)} spans a job`,
  };
}
