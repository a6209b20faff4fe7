// Whether a comparison of two runs can be believed: `make bench PART=compare`, about 2 minutes, 7 on a busy machine, or JSON=1. Four runs of 2,000 jobs
// are recorded, with real workers on a redis-server from the PATH: two with about 5 ms of CPU a job, two with a tenth more. Then
// 100 times 200 jobs of each of two runs are drawn and compared as `make compare` does it. Of runs of one kind no figure may
// differ in more than 5 of 100 comparisons; of runs of two kinds the CPU of a job has to be more in 95.

import { type AnalyzedRun, compareRuns } from "../src/analysis/compare_runs.ts";
import { seededRandom } from "../src/analysis/random.ts";
import { EXIT } from "../src/terminal/terminal.ts";
import { recordRuns } from "./compare/record.ts";
import { explain } from "./harness/explain.ts";

const JOBS = 2_000;
const DRAWN = 200;
const TIMES = 100;
const MOST_ALARMS = 5;
const LEAST_FOUND = 95;
const JOB = "scattered";

const PLANS = [
  { name: "plain-1", times: 1 },
  { name: "more-1", times: 1.1 },
  { name: "plain-2", times: 1 },
  { name: "more-2", times: 1.1 },
];

interface Row {
  a: string;
  b: string;
  /** What all jobs of the two differ by, of the mean CPU. */
  cpuRatio: number;
  /** Of 100 comparisons, those that show any difference, by figure, and those in which CPU is more. */
  any: number;
  figures: Record<string, number>;
  cpuMore: number;
  isMet: boolean;
}

const random = seededRandom(8);
try {
  const runs = await recordRuns(PLANS, JOBS);
  const rows: Row[] = [];
  for (const [a, b] of [
    [0, 2],
    [1, 3],
    [0, 1],
    [0, 3],
    [2, 1],
    [2, 3],
  ] as const)
    rows.push(judge(runs[a]!, runs[b]!));
  const ok = rows.every(({ isMet }) => isMet);
  if (process.env.JSON === "1") console.log(JSON.stringify({ ok, rows }));
  else for (const row of rows) console.log(line(row));
  process.exitCode = ok ? EXIT.ok : EXIT.disproved;
} catch (error) {
  explain(error);
}

function judge(a: AnalyzedRun, b: AnalyzedRun): Row {
  const row: Row = {
    ...{ a: a.report.run.id, b: b.report.run.id, cpuRatio: cpuOf(b) / cpuOf(a) },
    ...{ any: 0, figures: {}, cpuMore: 0, isMet: false },
  };
  for (let each = 0; each < TIMES; each++) {
    const figures = compareRuns(drawn(a), drawn(b)).jobs.flatMap((job) => job.figures);
    const shown = figures.filter(({ verdict }) => verdict !== "no difference");
    if (shown.length > 0) row.any++;
    if (shown.some(({ of, verdict }) => of === "cpu" && verdict === "more")) row.cpuMore++;
    for (const { of, what } of shown) row.figures[`${what} of ${of}`] = (row.figures[`${what} of ${of}`] ?? 0) + 1;
  }
  const isSame = row.a.split("-")[0] === row.b.split("-")[0];
  row.isMet = isSame ? row.any <= MOST_ALARMS : row.cpuMore >= LEAST_FOUND;
  return row;
}

/** A run that has some of the jobs, each at most once. */
function drawn({ report, values }: AnalyzedRun): AnalyzedRun {
  const left = [...(values.get(JOB) ?? [])];
  if (left.length < JOBS) throw new Error(`Cannot measure: ${left.length} jobs of ${JOBS} were recorded`);
  const records = Array.from({ length: DRAWN }, () => left.splice(Math.floor(random() * left.length), 1)[0]!);
  return { report, values: new Map([[JOB, records]]) };
}

function cpuOf({ values }: AnalyzedRun): number {
  const records = values.get(JOB) ?? [];
  return records.reduce((sum, { cpuTimeMs = 0 }) => sum + cpuTimeMs, 0) / records.length;
}

function line({ a, b, cpuRatio, any, cpuMore, figures, isMet }: Row): string {
  const shown = Object.entries(figures).map(([name, count]) => `${name} ${count}`);
  return [
    `${a} to ${b}`.padEnd(18),
    `CPU x ${cpuRatio.toFixed(3)}`,
    `any difference ${any} %`.padEnd(20),
    `CPU more ${cpuMore} %`.padEnd(15),
    isMet ? "met" : "NOT MET",
    shown.join(", "),
  ].join("  ");
}
