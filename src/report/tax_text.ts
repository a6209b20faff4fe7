import type { Tax } from "../analysis/report.ts";
import { showNumber, showShare } from "../figures.ts";

/** "120 us of CPU a job, 2.1 % of the worker's CPU time". */
export function taxText({ cpuUsPerJob, share: part }: Tax): string {
  const said = [
    ...(cpuUsPerJob === undefined ? [] : [`${showNumber(cpuUsPerJob)} us of CPU a job`]),
    ...(part === undefined ? [] : [`${showShare(part)} of the worker's CPU time`]),
  ];
  return said.length === 0 ? "not measured" : said.join(", ");
}
