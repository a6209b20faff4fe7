import type { AnalyzedRun } from "./analysis/compare_runs.ts";
import { cpuShareOf } from "./analysis/cpu_share.ts";
import { findKnee, type Knee, type SweepStep } from "./analysis/knee.ts";
import { weigh } from "./analysis/outcome.ts";
import type { Outcome, Report } from "./analysis/report.ts";
import { serviceOf } from "./application/application.ts";
import { withConcurrency } from "./application/with_concurrency.ts";
import { type RecordOptions, recordLoad } from "./load/record.ts";
import { percentilesOf } from "./percentiles.ts";
import type { SweepRow } from "./report/sweep_text.ts";
import { analyzeRun, writeReport } from "./report_run.ts";
import type { LoadSettings } from "./settings/load.ts";
import { readRun } from "./sources/open_run.ts";
import type { Wanted } from "./stack/wanted.ts";
import { FailedError, UserError } from "./terminal/user_error.ts";

/** What a sweep showed. */
export interface Sweep extends Knee, Outcome {
  rows: SweepRow[];
}

interface Step extends SweepStep {
  row: SweepRow;
  report: Pick<Report, "outcome" | "reasons">;
}

/**
 * Records a run under load for each concurrency of `load.ladder`, each in a closed loop that keeps all slots filled, and
 * finds the knee. When the signal aborts, or a step cannot be recorded, what has been recorded counts.
 *
 * @throws {UserError} as recordLoad, before the first run is recorded
 */
export async function sweep(wanted: Wanted, load: LoadSettings, options: RecordOptions): Promise<Sweep> {
  const variable = serviceOf(wanted.application, "worker")?.concurrency?.variable;
  if (!variable)
    throw new UserError(
      `Cannot sweep: nothing says how many jobs at once the worker of ${wanted.application.name} is told`,
    );
  const steps: Step[] = [];
  let stopped: UserError | undefined;
  for (const [at, concurrency] of load.ladder.entries()) {
    if (options.signal.aborted || stopped) break;
    options.say(`${at > 0 ? "\n" : ""}step ${at + 1} of ${load.ladder.length}: ${variable}=${concurrency}`);
    try {
      steps.push(await recordStep(wanted, { ...options, load, concurrency }));
    } catch (error) {
      if (steps.length === 0 || !(error instanceof UserError)) throw error;
      if (!options.signal.aborted) stopped = error;
    }
  }
  const knee = findKnee(steps);
  const throughput = new Map(knee.steps.map((step) => [step.concurrency, step]));
  const rows = steps.map(({ row }) => {
    const known = throughput.get(row.concurrency);
    return { ...row, ...(known ? { throughput: known } : {}) };
  });
  return { ...knee, ...judge(steps, knee, stopped), rows };
}

/** A sweep went as it should when each step did, none was `stopped`, and something can be recommended. */
export function judge(
  steps: Pick<Step, "concurrency" | "report">[],
  knee: Pick<Knee, "advice" | "cannotSay">,
  stopped?: UserError,
): Outcome {
  const reasons = (outcome: Outcome["outcome"]) =>
    steps.flatMap(({ concurrency, report }) =>
      report.outcome === outcome ? report.reasons.map((reason) => `concurrency ${concurrency}: ${reason}`) : [],
    );
  const end = stopped ? [stopped.message] : [];
  const isFailed = stopped instanceof FailedError;
  return weigh({
    failed: [...reasons("failed"), ...(isFailed ? end : [])],
    unknown: [
      ...(isFailed ? [] : end),
      ...reasons("nothing can be said"),
      ...(knee.cannotSay === undefined ? [] : [knee.cannotSay]),
    ],
    passed: knee.advice,
  });
}

interface Stepping extends RecordOptions {
  load: LoadSettings;
  concurrency: number;
}

async function recordStep(wanted: Wanted, { load: settings, concurrency, ...options }: Stepping): Promise<Step> {
  const application = withConcurrency(wanted.application, concurrency);
  const { run: recorded, load } = await recordLoad({ ...wanted, application }, settings, options);
  const run = readRun(recorded);
  const analyzed = await analyzeRun(run, wanted.root);
  try {
    writeReport(run, analyzed.report);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    options.say(`error: ${error.message}`); // its figures are in the table
  }
  const slotMs = [...analyzed.values.values()].flat().map(({ parts, storeMs = 0 }) => parts.run + storeMs);
  const row: SweepRow = { concurrency, run: run.id, jobs: slotMs.length, failed: load.failed, ...figuresOf(analyzed) };
  return { concurrency, slotMs, cpuShare: cpuShareOf(analyzed.report), row, report: analyzed.report };
}

/** Over all job types: p95 of enqueue to end, what others kept of the run, and memory. */
function figuresOf({ report, values }: AnalyzedRun): Pick<SweepRow, "p95Ms" | "blocked" | "memoryMb"> {
  const records = [...values.values()].flat();
  const totals = records.map(({ totalMs }) => totalMs);
  const sum = (of: (record: (typeof records)[number]) => number) => records.reduce((all, each) => all + of(each), 0);
  const isKnown = records.length > 0 && records.every(({ parts }) => parts.blocked !== undefined);
  const memory = report.timeline.series
    .find(({ name }) => name === "resident memory")
    ?.values.filter((each) => each !== null);
  return {
    p95Ms: totals.length > 0 ? percentilesOf(totals).p95 : Number.NaN,
    ...(isKnown ? { blocked: sum(({ parts }) => parts.blocked ?? 0) / sum(({ parts }) => parts.run) } : {}),
    ...(memory?.length ? { memoryMb: Math.max(...memory) } : {}),
  };
}
