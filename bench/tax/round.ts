import type { ReceivedCounts } from "../harness/receiver.ts";
import type { TaxTurn } from "./child.ts";
import type { Load } from "./plan.ts";
import type { TaxSetting } from "./setting.ts";
import type { TaxJob, TaxWorker } from "./worker.ts";

/** What one worker did under one load in one round: its turns together. */
export interface TaxFigures {
  cpuUsPerJob: number;
  jobsPerSecond: number;
  cores: number;
  spansPerJob: number;
  /** At the end of the last turn. */
  rssMb: number;
  tookMs: number[];
  /** What did not arrive; empty when all did. */
  lost: string;
}

/** What a traced API would have put into the job. */
export const TRACED = { metadata: '{"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}' };

export interface RoundOptions extends Pick<TaxSetting, "review" | "received"> {
  loads: Load[];
}

/** Takes fresh workers through all loads, in turns; for each load figures of each worker. */
export async function runRound(workers: TaxWorker[], { loads, ...options }: RoundOptions): Promise<TaxFigures[][]> {
  const figures: TaxFigures[][] = [];
  for (const load of loads) figures.push(await runLoad(workers, { load, ...options }));
  return figures;
}

interface LoadOptions extends Omit<RoundOptions, "loads"> {
  load: Load;
}

async function runLoad(workers: TaxWorker[], { load, review, received }: LoadOptions): Promise<TaxFigures[]> {
  const { workload, warmUp, jobs, turns } = load;
  const data = workload === "review" ? { repository: ".", base: review.base, head: review.head } : {};
  const jobFor = ({ variant }: TaxWorker): TaxJob => ({
    name: workload,
    data,
    opts: { removeOnComplete: true, ...(variant.isTraced ? { telemetry: TRACED } : {}) },
  });
  await Promise.all(workers.map((worker) => worker.runSaturated(warmUp, jobFor(worker))));
  const before = await received();
  const done = new Map<TaxWorker, TaxTurn[]>(workers.map((worker) => [worker, []]));
  for (let turn = 0; turn < turns; turn++) {
    for (const worker of shuffle(workers)) {
      const run = load.load === "paced" ? worker.runPaced : worker.runSaturated;
      done.get(worker)!.push(await run.call(worker, jobs, jobFor(worker)));
    }
  }
  const after = await received();
  return workers.map((worker) => {
    const { name } = worker.variant;
    return sum(worker, { turns: done.get(worker)!, jobs: jobs * turns, before: before[name]!, after: after[name]! });
  });
}

/** In another order each time: what one leaves behind, in caches and in the store, is the next one's cost. */
function shuffle(workers: TaxWorker[]): TaxWorker[] {
  return workers
    .map((worker) => ({ worker, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ worker }) => worker);
}

interface Sum {
  turns: TaxTurn[];
  jobs: number;
  before: ReceivedCounts;
  after: ReceivedCounts;
}

function sum({ variant, hasLost }: TaxWorker, { turns, jobs, before, after }: Sum): TaxFigures {
  const total = (of: (turn: TaxTurn) => number) => turns.reduce((sum, turn) => sum + of(turn), 0);
  const [cpuUs, ms, spans] = [total(({ cpuUs }) => cpuUs), total(({ ms }) => ms), after.spans - before.spans];
  const losses = {
    "SPANS WERE DROPPED": hasLost,
    "SPANS ARE MISSING": variant.isTraced && spans < jobs,
    "PROFILES ARE MISSING": variant.environment.PROFILING === "on" && after.profiles < before.profiles + turns.length,
    "REQUESTS WERE REFUSED": after.refused > before.refused,
  };
  return {
    cpuUsPerJob: cpuUs / jobs,
    jobsPerSecond: (jobs / ms) * 1e3,
    cores: cpuUs / 1e3 / ms,
    spansPerJob: spans / jobs,
    rssMb: turns.at(-1)!.rssMb,
    tookMs: turns.flatMap(({ tookMs }) => tookMs),
    lost: Object.entries(losses)
      .filter(([, isSo]) => isSo)
      .map(([what]) => what)
      .join(", "),
  };
}
