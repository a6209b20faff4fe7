import type { Percentiles, Report } from "./report.ts";

/** What a run may not exceed, ms; absent: no such threshold. */
export interface MaximumTimes {
  /** Enqueue to end of a job, p95 of each type. */
  p95Ms?: number | undefined;
  /** CPU time of a job, or where that is not known JavaScript with its pauses for garbage, the mean of each type. */
  cpuMs?: number | undefined;
}

/** The thresholds that a run breaks, a sentence each. What was not measured breaks its threshold: nothing is passed unseen. */
export function brokenThresholds({ jobs }: Report, { p95Ms, cpuMs }: MaximumTimes): string[] {
  const asked = p95Ms !== undefined || cpuMs !== undefined;
  if (asked && jobs.length === 0) return ["no job was measured"];
  return jobs.flatMap(({ name, total, cpuTime, parts: { cpu, gc } }) => {
    const broken: string[] = [];
    if (p95Ms !== undefined && !(total.p95 <= p95Ms))
      broken.push(`MAX_P95_MS: ${name} takes ${total.p95.toFixed(0)} ms at p95, more than ${p95Ms}`);
    const mean = isOfAll(cpuTime, cpu) ? cpuTime!.mean : cpu && cpu.mean + (gc?.mean ?? 0);
    if (cpuMs !== undefined && mean === undefined) broken.push(`MAX_CPU_MS: the CPU time of ${name} was not measured`);
    else if (cpuMs !== undefined && !(mean! <= cpuMs))
      broken.push(`MAX_CPU_MS: ${name} takes ${mean!.toFixed(0)} ms of CPU a job, more than ${cpuMs}`);
    return broken;
  });
}

/** Short jobs may lack it: it stands for all when nine of ten have it. */
const isOfAll = (cpuTime?: Percentiles, cpu?: Percentiles) =>
  cpuTime !== undefined && cpu !== undefined && cpuTime.samples >= 0.9 * cpu.samples;
