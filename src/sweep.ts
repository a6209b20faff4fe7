import type { AnalyzedRun } from "./analysis/compare_runs.ts";
import { cpuShareOf } from "./analysis/cpu_share.ts";
import { findKnee, type Knee, type SweepStep } from "./analysis/knee.ts";
import { type Config, loadConfig } from "./config.ts";
import { type RecordOptions, recordLoad } from "./load/record.ts";
import type { SweepRow } from "./report/sweep_text.ts";
import { analyzeRun, writeReport } from "./report_run.ts";
import { openRun } from "./runs/open_run.ts";

/** What a sweep showed. */
export interface Sweep extends Knee {
  rows: SweepRow[];
}

/**
 * Records a run under load for each concurrency of `config.ladder`, each in a closed loop that keeps all slots filled, and
 * finds the knee. When the signal aborts, what has been recorded counts.
 *
 * @throws {UserError} as recordLoad, before the first run is recorded
 */
export async function sweep(config: Config, options: RecordOptions): Promise<Sweep> {
  const steps: (SweepStep & { row: SweepRow })[] = [];
  for (const [at, concurrency] of config.ladder.entries()) {
    if (options.signal.aborted) break;
    options.say(`${at > 0 ? "\n" : ""}step ${at + 1} of ${config.ladder.length}: WORKER_CONCURRENCY=${concurrency}`);
    try {
      steps.push(await recordStep(config, concurrency, options));
    } catch (error) {
      if (steps.length === 0 || !options.signal.aborted) throw error;
    }
  }
  const knee = findKnee(steps);
  const throughput = new Map(knee.steps.map((step) => [step.concurrency, step]));
  const rows = steps.map(({ row }) => {
    const known = throughput.get(row.concurrency);
    return { ...row, ...(known ? { throughput: known } : {}) };
  });
  return { ...knee, rows };
}

async function recordStep(config: Config, concurrency: number, options: RecordOptions) {
  const environment = { ...config.environment, WORKER_CONCURRENCY: String(concurrency) };
  const { folder, load } = await recordLoad(loadConfig(environment, config.root), options);
  const run = openRun(config.home, folder);
  const analyzed = await analyzeRun(run, config.root);
  writeReport(run, analyzed.report);
  const slotMs = [...analyzed.values.values()].flat().map(({ parts, storeMs = 0 }) => parts.run + storeMs);
  const row: SweepRow = { concurrency, run: run.id, jobs: slotMs.length, failed: load.failed, ...figuresOf(analyzed) };
  return { concurrency, slotMs, cpuShare: cpuShareOf(analyzed.report), row };
}

/** Over all job types: p95 of enqueue to end, what others kept of the run, and memory. */
function figuresOf({ report, values }: AnalyzedRun): Pick<SweepRow, "p95Ms" | "blocked" | "memoryMb"> {
  const records = [...values.values()].flat();
  const totals = records.map(({ totalMs }) => totalMs).sort((a, b) => a - b);
  const sum = (of: (record: (typeof records)[number]) => number) => records.reduce((all, each) => all + of(each), 0);
  const isKnown = records.length > 0 && records.every(({ parts }) => parts.blocked !== undefined);
  const memory = report.timeline.series
    .find(({ name }) => name === "resident memory")
    ?.values.filter((each) => each !== null);
  return {
    p95Ms: totals[Math.ceil(0.95 * totals.length) - 1] ?? Number.NaN,
    ...(isKnown ? { blocked: sum(({ parts }) => parts.blocked ?? 0) / sum(({ parts }) => parts.run) } : {}),
    ...(memory?.length ? { memoryMb: Math.max(...memory) } : {}),
  };
}
