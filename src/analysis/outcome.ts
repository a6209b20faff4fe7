import { showNumber } from "../figures.ts";
import type { LoadSummary } from "../load_summary.ts";
import type { Percentiles } from "../percentiles.ts";
import type { Comparison } from "./compare_runs.ts";
import type { Outcome, Report } from "./report.ts";
import type { RunDescription } from "./run_description.ts";
import { limit } from "./thresholds.ts";

/** What a run may not exceed, ms; absent: no such threshold. */
export interface MaximumTimes {
  /** Enqueue to end of a job, p95 of each type. */
  p95Ms?: number | undefined;
  /** CPU time of a job, or where that is not known JavaScript with its pauses for garbage, the mean of each type. */
  cpuMs?: number | undefined;
}

export interface RunFacts {
  description: Pick<RunDescription, "run" | "lostSpans">;
  load: LoadSummary | undefined;
  /** Attempts that were measured. */
  attempts: number;
  /** Why the times of its jobs say nothing; `undefined` when they do. */
  cannotSay: string | undefined;
}

const MOST_REASONS = 3;

/** Whether a run went as it should: nothing died, no job failed, and what was measured can be believed. */
export function outcomeOf({ description, load, attempts, cannotSay }: RunFacts): Outcome {
  const { ended = [], cutOff } = description.run;
  const failed = [...ended, ...(load ? failedJobs(load, ended.length ? undefined : cutOff) : [])];
  const unknown = [
    ...(cannotSay === undefined ? unmeasured(attempts, load) : [cannotSay]),
    ...lostSpans(description.lostSpans),
  ];
  const passed = [
    load ? `${count(load.completed, "job")} completed, none failed` : `${count(attempts, "attempt")} measured`,
  ];
  if (load?.withoutJob) passed.push(`${count(load.withoutJob, "request")} added no job`);
  if (load?.interrupted) passed.push("the load was ended early");
  return weigh({ failed, unknown, passed: passed.join("; ") });
}

/** The report, judged by thresholds too. What was not measured holds no threshold. */
export function judgedBy(maximum: MaximumTimes, report: Report): Report {
  const { broken, unknown } = lookAt(maximum, report.jobs);
  const names = { MAX_P95_MS: maximum.p95Ms, MAX_CPU_MS: maximum.cpuMs };
  const asked = Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${value} holds`));
  const before = (outcome: Outcome["outcome"]) => (report.outcome === outcome ? report.reasons : []);
  return {
    ...report,
    ...weigh({
      failed: [...before("failed"), ...broken],
      unknown: [...before("nothing can be said"), ...unknown],
      passed: [...before("passed"), ...asked].join(", "),
    }),
  };
}

/** The report, judged beside the one that it is compared with: what went wrong there keeps them from being compared. */
export function judgedAgainst(before: Report, report: Report, { cannotSay }: Pick<Comparison, "cannotSay">): Report {
  const { outcome, reasons } = report;
  const was = before.outcome === "passed" ? [] : before.reasons.map((reason) => `A, ${before.run.id}: ${reason}`);
  const unknown = [...was, ...(cannotSay === undefined ? [] : [cannotSay])];
  if (outcome !== "passed") return { ...report, reasons: [...reasons, ...unknown] };
  return { ...report, ...weigh({ failed: [], unknown, passed: reasons.join() }) };
}

/** The thresholds that a run breaks, a sentence each. */
export function brokenThresholds(maximum: MaximumTimes, { jobs }: Pick<Report, "jobs">): string[] {
  return lookAt(maximum, jobs).broken;
}

/** A failure weighs more than what cannot be said. */
export function weigh({
  failed,
  unknown,
  passed,
}: Record<"failed" | "unknown", string[]> & { passed: string }): Outcome {
  if (failed.length > 0) return { outcome: "failed", reasons: [...failed, ...unknown] };
  if (unknown.length > 0) return { outcome: "nothing can be said", reasons: unknown };
  return { outcome: "passed", reasons: [passed] };
}

function failedJobs({ sent, failed, unfinished, failures = [], interrupted }: LoadSummary, cutOff?: string): string[] {
  const reasons: string[] = [];
  const why = failures.slice(0, MOST_REASONS).map(({ reason, count: times }) => `${reason} (${count(times)})`);
  const others = failures.length > MOST_REASONS ? "; and others" : "";
  const because = why.length ? `: ${why.join("; ")}${others}` : "";
  if (failed > 0) reasons.push(`${count(failed)} of ${count(sent, "job")} failed or were refused${because}`);
  if (unfinished > 0 && !interrupted) {
    reasons.push(
      `${count(unfinished)} of ${count(sent, "job")} not seen to end${cutOff ? `: ${cutOff}` : failed ? "" : because}`,
    );
  }
  return reasons;
}

/** Also where nobody counted what was lost. Of a job that was tried again there is more than one attempt. */
function unmeasured(attempts: number, load: LoadSummary | undefined): string[] {
  const completed = load?.completed ?? 0;
  if (completed - attempts <= limit("lostSpans") * completed) return [];
  const why = "spans were lost, or a sampler left them out";
  return [`only ${count(attempts)} of ${count(completed, "job")} that completed were measured: ${why}`];
}

function lostSpans(services: RunDescription["lostSpans"]): string[] {
  return Object.entries(services)
    .filter(([, { lost, created }]) => lost > limit("lostSpans") * created)
    .map(([service, { lost, created }]) => `${service} lost ${count(lost)} of ${count(created)} spans`);
}

function lookAt({ p95Ms, cpuMs }: MaximumTimes, jobs: Report["jobs"]): { broken: string[]; unknown: string[] } {
  const broken: string[] = [];
  const unknown: string[] = [];
  if (jobs.length === 0 && (p95Ms ?? cpuMs) !== undefined) unknown.push("no job was measured");
  for (const { name, total, cpuTime, parts } of jobs) {
    if (p95Ms !== undefined && !(total.p95 <= p95Ms))
      broken.push(`MAX_P95_MS: ${name} takes ${total.p95.toFixed(0)} ms at p95, more than ${p95Ms}`);
    if (cpuMs === undefined) continue;
    const { cpu, gc } = parts;
    const mean = isOfAll(cpuTime, cpu) ? cpuTime!.mean : cpu && cpu.mean + (gc?.mean ?? 0);
    if (mean === undefined) unknown.push(`MAX_CPU_MS: the CPU time of ${name} was not measured`);
    else if (!(mean <= cpuMs))
      broken.push(`MAX_CPU_MS: ${name} takes ${mean.toFixed(0)} ms of CPU a job, more than ${cpuMs}`);
  }
  return { broken, unknown };
}

/** Short jobs may lack it: it stands for all when nine of ten have it. */
const isOfAll = (cpuTime?: Percentiles, cpu?: Percentiles) =>
  cpuTime !== undefined && cpu !== undefined && cpuTime.samples >= 0.9 * cpu.samples;

const count = (value: number, what = "") => `${showNumber(value)}${what && ` ${what}${value === 1 ? "" : "s"}`}`;
