import { showShare } from "../figures.ts";
import { compareValues, type Difference, LEAST_VALUES } from "./compare.ts";
import { cpuShareOf, differentMachine } from "./cpu_share.ts";
import type { JobRecord, JobValues } from "./job_record.ts";
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
  /** Why nothing can be said; absent when something can. */
  cannotSay?: string;
  /** Why times other than CPU cannot be compared; absent when they can. */
  machine?: string;
  jobs: ComparedJob[];
  notMeasured: NotMeasured[];
}

export interface ComparedJob {
  name: string;
  samples: { a: number; b: number };
  /** CPU is JavaScript by the wall clock, as a run does not know its CPU time. */
  isCpuByWall?: true;
  figures: ComparedFigure[];
  /** Functions whose own CPU time a job differs by more than chance, the largest difference first. */
  functions: { name: string; file: string; line: number; a: number; b: number }[];
}

export interface ComparedFigure extends Difference {
  of: ComparedTime;
}

/** Times of an attempt that are compared: enqueue to end, the run, and its CPU time. */
export const COMPARED = ["total", "run", "cpu"] as const;
export type ComparedTime = (typeof COMPARED)[number];

/**
 * What is compared of each. The mean of CPU times is sharper than their median, when those ends are left out at which a
 * machine that is busy with other things has put them.
 */
const FIGURES: Record<ComparedTime, readonly Difference["what"][]> = {
  total: ["median", "p95"],
  run: ["median", "p95"],
  cpu: ["trimmed mean", "p95"],
};
/** The chance of a false alarm, and its shares: half of it for the figure that says most. */
const FALSE_ALARMS = 0.05;
const chanceOf = (what: Difference["what"]) => FALSE_ALARMS * (what === "trimmed mean" ? 0.5 : 0.1);

/** Share of the attempts that have to say their CPU time. */
const MOSTLY = 0.9;
/** Shares of a CPU that the threads of two runs had may differ by so much, as a ratio. */
const SAME_MACHINE = 0.1;

/** ms of CPU that one sample of a profile stands for: what the profiler's default is. */
const SAMPLE_MS = 10;
/** Standard deviations beyond which a difference of two numbers of samples is more than chance, with many functions. */
const FUNCTION_DEVIATIONS = 4;
const MOST_FUNCTIONS = 5;
/** A job type of a report has no more functions. */
const MOST_KNOWN = 15;

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
  const jobs = both.map((name): ComparedJob => {
    const [recordsA = [], recordsB = []] = [a, b].map(({ values }) =>
      (values.get(name) ?? []).toSorted((one, other) => one.startMs - other.startMs),
    );
    const figures = COMPARED.flatMap((of) => {
      const read = of === "cpu" ? cpuReader([recordsA, recordsB]) : times[of];
      const [valuesA, valuesB] = [recordsA, recordsB].map((records) =>
        records.map(read).filter((value) => value !== undefined),
      ) as [number[], number[]];
      if (Math.min(valuesA.length, valuesB.length) < LEAST_VALUES) {
        notMeasured.push({ what: `${of} of ${name}`, reason: "too few attempts of a run have it" });
        return [];
      }
      if (read === wallCpu) notMeasured.push({ what: `CPU time of ${name}`, reason: WALL });
      return FIGURES[of].flatMap((what) => {
        const options = { figures: [what], falseAlarms: chanceOf(what) / both.length };
        return compareValues(valuesA, valuesB, options).map((difference) => ({ of, ...difference }));
      });
    });
    return {
      name,
      samples: { a: recordsA.length, b: recordsB.length },
      ...(cpuReader([recordsA, recordsB]) === wallCpu ? { isCpuByWall: true as const } : {}),
      figures,
      functions: compareFunctions(jobOf(a, name), jobOf(b, name)),
    };
  });
  const shares = [
    { share: cpuShareOf(a.report), name: "in A" },
    { share: cpuShareOf(b.report), name: "in B" },
  ] as const;
  const machine = differentMachine(shares, SAME_MACHINE);
  const ids = { a: a.report.run.id, b: b.report.run.id };
  const cannotSay = whyNot(jobs, machine);
  return {
    ...ids,
    verdict: cannotSay === undefined ? verdictOf(jobs, machine) : `Nothing can be said: ${cannotSay}`,
    ...(cannotSay === undefined ? {} : { cannotSay }),
    ...(machine ? { machine } : {}),
    ...{ jobs, notMeasured },
  };
}

const times: Record<Exclude<ComparedTime, "cpu">, (record: JobRecord) => number> = {
  total: ({ totalMs }) => totalMs,
  run: ({ parts }) => parts.run,
};

type Reader = (record: JobRecord) => number | undefined;
const WALL = "compared is JavaScript by the wall clock, in which is what other processes of the machine took";

/** CPU time where both runs know it; else their JavaScript by the wall clock. */
function cpuReader(sides: JobRecord[][]): Reader {
  const isKnown = sides.every((records) => {
    const known = records.filter(({ cpuTimeMs }) => cpuTimeMs !== undefined).length;
    return known >= MOSTLY * records.length;
  });
  return isKnown ? ({ cpuTimeMs }) => cpuTimeMs : wallCpu;
}

const wallCpu: Reader = ({ parts: { cpu, gc } }) => (cpu === undefined ? undefined : cpu + (gc ?? 0));

const jobOf = ({ report }: AnalyzedRun, name: string) => report.jobs.find((job) => job.name === name);

/** Own CPU ms a job, where the numbers of samples differ by more than chance (Poisson). */
function compareFunctions(a: JobType | undefined, b: JobType | undefined): ComparedJob["functions"] {
  if (!a?.functions || !b?.functions) return [];
  const byPlace = new Map<
    string,
    Pick<ComparedJob["functions"][number], "name" | "file" | "line"> & { a?: number; b?: number }
  >();
  const perJob = { a: a.count, b: b.count };
  // One that is not among those with the most takes less than the last of them, and is taken for that.
  const [leastA, leastB] = [leastOf(a, a.functions), leastOf(b, b.functions)];
  for (const side of ["a", "b"] as const) {
    for (const { name, file, line, selfMs } of (side === "a" ? a : b).functions ?? []) {
      const place = `${name} ${file}`; // its line moves when something above it changes
      const known = byPlace.get(place) ?? { name, file, line };
      known[side] = (known[side] ?? 0) + selfMs / perJob[side];
      byPlace.set(place, known);
    }
  }
  const variance = (ms: number, jobs: number) => (Math.max(ms * jobs, SAMPLE_MS) * SAMPLE_MS) / jobs ** 2;
  return [...byPlace.values()]
    .map((each) => ({ ...each, a: each.a ?? leastA, b: each.b ?? leastB }))
    .filter((each) => {
      const deviation = Math.sqrt(variance(each.a, a.count) + variance(each.b, b.count));
      return Math.abs(each.b - each.a) > FUNCTION_DEVIATIONS * deviation;
    })
    .sort((one, other) => Math.abs(other.b - other.a) - Math.abs(one.b - one.a))
    .slice(0, MOST_FUNCTIONS);
}

/** What a function that is not in the list takes a job, at the most. */
function leastOf({ count }: JobType, functions: NonNullable<JobType["functions"]>): number {
  return functions.length < MOST_KNOWN ? 0 : functions.at(-1)!.selfMs / count;
}

function whyNot(jobs: ComparedJob[], machine: string | undefined): string | undefined {
  if (jobs.length === 0) return "no job type has enough attempts in both runs";
  return jobs.every(({ isCpuByWall }) => isCpuByWall) ? machine : undefined;
}

function verdictOf(jobs: ComparedJob[], machine: string | undefined): string {
  const shown = jobs.flatMap(({ name, figures, isCpuByWall }) =>
    figures
      .filter(
        ({ of, verdict }) => verdict !== "no difference" && (machine === undefined || (of === "cpu" && !isCpuByWall)),
      )
      .map((figure) => ({ name, ...figure })),
  );
  const [largest] = shown.sort((one, other) => Math.abs(other.ratio) - Math.abs(one.ratio));
  if (!largest) return machine === undefined ? "No difference shown" : "No difference of CPU shown";
  const { name, of, what, ratio, verdict } = largest;
  return `${name}: ${what} of ${of} is ${showShare(Math.abs(ratio))} ${verdict}`;
}
