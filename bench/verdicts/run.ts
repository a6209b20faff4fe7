import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../src/analysis/report.ts";
import { beginRun, endRun, type TelemetryFiles } from "../../src/recording/run_folder.ts";
import { markEnd } from "../../src/recording/slice.ts";
import { analyzeRun } from "../../src/report_run.ts";
import { loadConfig, ROOT } from "../../src/settings/config.ts";
import { openRun } from "../../src/sources/open_run.ts";
import { startApi, startWorker } from "./child.ts";
import { JobLoad, type Seen } from "./load.ts";
import { untilQuiet } from "./quiet.ts";
import type { VerdictStage } from "./stage.ts";
import type { Setting } from "./types.ts";

/** What a run shows, and what its client saw. */
export interface VerdictRun {
  report: Report;
  seen: Seen;
  /** Share of the time in which others had the CPU that the worker wanted; 0 with a quota, whose doing it is. */
  stolen: number;
}

/** Jobs of each type before those that count. */
const WARM_UP = 5;
let runs = 0;

/** A run is good when others took no more than this share of its time. */
const QUIET = 0.05;
const QUIET_WITHIN_MS = 3_000;

export interface RunOptions {
  /** @default {false} */
  isProfiled?: boolean | undefined;
  /** So often at the most, until others leave the machine alone. */
  tries: number;
}

/** The quietest of some runs: the machine may have other things to do. */
export async function recordQuietRun(
  stage: VerdictStage,
  setting: Setting,
  { isProfiled = false, tries }: RunOptions,
): Promise<VerdictRun> {
  let best: VerdictRun | undefined;
  for (let done = 0; done < tries && (!best || isDisturbed(best, setting)); done++) {
    if (tries > 1) await untilQuiet(QUIET_WITHIN_MS);
    const run = await recordRun(stage, setting, isProfiled);
    if (!best || run.stolen < best.stolen || (isLate(best) && !isLate(run))) best = run;
  }
  return best!; // there is one try at least
}

/** Others had the CPU, of the worker or of the load generator, which does no more than send unless it is told to. */
function isDisturbed(run: VerdictRun, { load }: Setting): boolean {
  return run.stolen > QUIET || (isLate(run) && load.prepareMs === undefined);
}

const isLate = ({ report }: VerdictRun) => report.findings[0]?.rule === "load-generator-saturated";

/** Records a run of a fresh worker under its load, as `make bottlenecks` does, and analyses it. */
async function recordRun(stage: VerdictStage, setting: Setting, isProfiled: boolean): Promise<VerdictRun> {
  const queue = `run-${++runs}`;
  const { root, ...commit } = stage.review;
  const api = setting.api && (await startApi(stage, setting.api, queue));
  const worker = await startWorker(stage, setting, { queue, isProfiled });
  const load = new JobLoad({
    ...{ queue, url: stage.urls.store, apiUrl: api?.url, types: setting.worker.types },
    data: { repository: ".", ...commit },
  });
  const files = filesIn(stage.received);
  try {
    await load.ready();
    await load.warmUp(WARM_UP);
    const metrics = markEnd(files.metrics);
    await Promise.all([worker.flush(), api?.flush()]);
    const run = beginRun(files);
    run.marks.metrics = metrics; // with a point before the window, where counters begin
    const before = { ms: performance.now(), stolenMs: worker.stolenMs() };
    const seen = await load.run(setting.load);
    const lostMs = worker.stolenMs() - before.stolenMs;
    const stolen = setting.worker.cpus === undefined ? lostMs / (performance.now() - before.ms) : 0;
    await Promise.all([worker.close(), api?.close()]);
    const config = {
      ...loadConfig({}),
      ...{ home: stage.home, workerConcurrency: setting.worker.concurrency },
    };
    const { cpus } = setting.worker;
    const folder = await endRun(config, files, run, {
      ...{ store: stage.store, limits: cpus === undefined ? null : [{ limit: "CPUs", asked: String(cpus) }] },
      ...{ load: { kind: "bottlenecks", summary: seen.summary }, spanAccounting: {}, throttling: {} },
    });
    const { report } = await analyzeRun(openRun(stage.home, folder), ROOT);
    rmSync(folder, { recursive: true });
    return { report, seen, stolen };
  } finally {
    await Promise.all([worker.close(), api?.close(), load.close()]);
  }
}

function filesIn(folder: string): TelemetryFiles {
  return {
    ...{ traces: join(folder, "traces.jsonl"), metrics: join(folder, "metrics.jsonl") },
    ...{ collectorLog: join(folder, "collector.log"), profiles: join(folder, "profiles") },
  };
}
