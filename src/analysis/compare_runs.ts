import type { JobValues } from "./analyze.ts";
import { compareValues, type Difference, LEAST_VALUES } from "./compare.ts";
import type { JobRecord } from "./job_record.ts";
import type { JobType, NotMeasured, Report } from "./report.ts";

/** A run with the times of its single attempts, as `analyzeJobs` gives them. */
export interface AnalyzedRun {
  report: Report;
  values: JobValues;
}

/** How run `b` differs from run `a`. */
export interface Comparison {
  a: string;
  b: string;
  /** "No difference shown", or the largest one in a sentence. */
  verdict: string;
  jobs: ComparedJob[];
  notMeasured: NotMeasured[];
}

export interface ComparedJob {
  name: string;
  samples: { a: number; b: number };
  figures: ComparedFigure[];
  /** Functions whose own CPU time a job differs by more than chance, the largest difference first. */
  functions: { name: string; file: string; line: number; a: number; b: number }[];
}

export interface ComparedFigure extends Difference {
  of: ComparedTime;
}

/** Times of an attempt that are compared: enqueue to end, the run, and its JavaScript with its pauses for garbage. */
export const COMPARED = ["total", "run", "cpu"] as const;
export type ComparedTime = (typeof COMPARED)[number];

const timeOf: Record<ComparedTime, (record: JobRecord) => number | undefined> = {
  total: ({ totalMs }) => totalMs,
  run: ({ parts }) => parts.run,
  cpu: ({ parts: { cpu, gc } }) => (cpu === undefined ? undefined : cpu + (gc ?? 0)),
};

/** ms of CPU that one sample of a profile stands for: what the profiler's default is. */
const SAMPLE_MS = 10;
/** Standard deviations beyond which a difference of two numbers of samples is more than chance, with many functions. */
const FUNCTION_DEVIATIONS = 4;
const MOST_FUNCTIONS = 5;

/**
 * Compares the job types that both runs have. The chance of saying any difference where there is none is 5 % over all of
 * them together; functions come on top of that, as what may be behind one.
 */
export function compareRuns(a: AnalyzedRun, b: AnalyzedRun): Comparison {
  const notMeasured: NotMeasured[] = [];
  const names = [...new Set([...a.values.keys(), ...b.values.keys()])];
  const both = names.filter((name) => {
    const least = Math.min(...[a, b].map(({ values }) => values.get(name)?.length ?? 0));
    if (least < LEAST_VALUES) {
      const reason =
        least === 0 ? "only one of the runs has such jobs" : `a run has ${least}, ${LEAST_VALUES} are needed`;
      notMeasured.push({ what: `differences of ${name}`, reason });
    }
    return least >= LEAST_VALUES;
  });
  const falseAlarms = 0.05 / Math.max(1, both.length * COMPARED.length);
  const jobs = both.map((name): ComparedJob => {
    const [recordsA, recordsB] = [a.values.get(name) ?? [], b.values.get(name) ?? []];
    const figures = COMPARED.flatMap((of) => {
      const [valuesA, valuesB] = [recordsA, recordsB].map((records) =>
        records.map(timeOf[of]).filter((value) => value !== undefined),
      ) as [number[], number[]];
      if (Math.min(valuesA.length, valuesB.length) < LEAST_VALUES) {
        notMeasured.push({ what: `${of} of ${name}`, reason: "too few attempts of a run have it" });
        return [];
      }
      return compareValues(valuesA, valuesB, { falseAlarms }).map((difference) => ({ of, ...difference }));
    });
    return {
      name,
      samples: { a: recordsA.length, b: recordsB.length },
      figures,
      functions: compareFunctions(jobOf(a, name), jobOf(b, name)),
    };
  });
  return { a: a.report.run.id, b: b.report.run.id, verdict: verdictOf(jobs), jobs, notMeasured };
}

const jobOf = ({ report }: AnalyzedRun, name: string) => report.jobs.find((job) => job.name === name);

/** Own CPU ms a job, where the numbers of samples differ by more than chance (Poisson). */
function compareFunctions(a: JobType | undefined, b: JobType | undefined): ComparedJob["functions"] {
  if (!a?.functions || !b?.functions) return [];
  const byPlace = new Map<string, ComparedJob["functions"][number]>();
  const perJob = { a: a.count, b: b.count };
  for (const side of ["a", "b"] as const) {
    for (const { name, file, line, selfMs } of (side === "a" ? a : b).functions ?? []) {
      const place = `${name} ${file}`; // its line moves when something above it changes
      const known = byPlace.get(place) ?? { name, file, line, a: 0, b: 0 };
      known[side] += selfMs / perJob[side];
      byPlace.set(place, known);
    }
  }
  const variance = (ms: number, jobs: number) => (Math.max(ms * jobs, SAMPLE_MS) * SAMPLE_MS) / jobs ** 2;
  return [...byPlace.values()]
    .filter((each) => {
      const deviation = Math.sqrt(variance(each.a, a.count) + variance(each.b, b.count));
      return Math.abs(each.b - each.a) > FUNCTION_DEVIATIONS * deviation;
    })
    .sort((one, other) => Math.abs(other.b - other.a) - Math.abs(one.b - one.a))
    .slice(0, MOST_FUNCTIONS);
}

function verdictOf(jobs: ComparedJob[]): string {
  if (jobs.length === 0) return "Nothing can be said: no job type has enough attempts in both runs";
  const shown = jobs.flatMap(({ name, figures }) =>
    figures.filter(({ verdict }) => verdict !== "no difference").map((figure) => ({ name, ...figure })),
  );
  const [largest] = shown.sort((one, other) => Math.abs(other.ratio) - Math.abs(one.ratio));
  if (!largest) return "No difference shown";
  const percent = (ratio: number) => `${(100 * Math.abs(ratio)).toFixed(0)} %`;
  const { name, of, what, ratio, verdict } = largest;
  return `${name}: ${what} of ${of} is ${percent(ratio)} ${verdict}`;
}
