import { median, ratioOf } from "../harness/ratio.ts";
import type { Load, Plan, Variant } from "./plan.ts";
import { runRound, type TaxFigures } from "./round.ts";
import type { TaxSetting } from "./setting.ts";
import { TaxWorker, workerEnvironment } from "./worker.ts";
import { turnsOf } from "./workloads.ts";

/** One variant under one load on one Node: medians of the rounds, and its CPU time to that of the bare worker. */
export interface TaxRow {
  node: string;
  workload: Load["workload"];
  load: Load["load"];
  variant: string;
  cpu_us_per_job: number;
  ratio: number;
  low: number;
  high: number;
  rounds: number;
  jobs_per_second: number;
  /** Of the jobs of all rounds: from its start to its completion, or from its enqueueing when paced. */
  p99_ms: number;
  rss_mb: number;
  /** So many were busy with it. */
  cores: number;
  spans_per_job: number;
  /** What did not arrive, empty when all did: what loses telemetry is cheap. */
  lost: string;
}

/** All rounds on one Node, each with fresh workers; a row for each load and variant. */
export async function measureTax(
  { node, version, variants, loads, rounds }: Plan,
  setting: TaxSetting,
): Promise<TaxRow[]> {
  const turnsOfSpin = String(turnsOf(5));
  const done: TaxFigures[][][] = [];
  for (let round = 1; round <= rounds; round++) {
    const workers = variants.map((variant) => startWorker(variant, node, setting, { TURNS: turnsOfSpin }));
    try {
      await Promise.all(workers.map((worker) => worker.ready()));
      done.push(await runRound(workers, { ...setting, loads }));
    } finally {
      await Promise.all(workers.map((worker) => worker.close()));
    }
    process.stderr.write(`Node ${version}: round ${round} of ${rounds}\n`);
  }
  const bare = variants.findIndex(({ name }) => name === "bare");
  return loads.flatMap(({ workload, load }, at) => {
    const of = (index: number) => done.map((round) => round[at]![index]!);
    const cpu = (index: number) => of(index).map(({ cpuUsPerJob }) => cpuUsPerJob);
    return variants.map(({ name }, index) => ({
      ...{ node: version, workload, load, variant: name },
      ...{ cpu_us_per_job: median(cpu(index)), ...ratioOf(cpu(index), cpu(bare)), rounds },
      ...summarize(of(index)),
    }));
  });
}

/** A worker of a variant, under load as soon as it is given jobs. */
export function startWorker(
  variant: Variant,
  node: string,
  setting: TaxSetting,
  environment: Record<string, string>,
): TaxWorker {
  const { otlp, profiles } = setting.receivers[variant.name]!;
  return new TaxWorker({
    variant,
    entry: variant.isOther ? setting.entries.others! : setting.entries.own,
    node,
    url: setting.url,
    environment: {
      ...workerEnvironment(variant.name, { otlp, profiles }),
      REVIEW_ROOT: setting.review.root,
      ...environment,
    },
  });
}

function summarize(rounds: TaxFigures[]) {
  const tookMs = rounds.flatMap((round) => round.tookMs).sort((a, b) => a - b);
  return {
    jobs_per_second: median(rounds.map(({ jobsPerSecond }) => jobsPerSecond)),
    p99_ms: tookMs[Math.floor(tookMs.length * 0.99)]!,
    rss_mb: median(rounds.map(({ rssMb }) => rssMb)),
    cores: median(rounds.map(({ cores }) => cores)),
    spans_per_job: Math.min(...rounds.map(({ spansPerJob }) => spansPerJob)),
    lost: [...new Set(rounds.map(({ lost }) => lost))].filter(Boolean).join(", "),
  };
}
