import { quantile } from "../percentiles.ts";
import { differentMachine } from "./cpu_share.ts";
import { seededRandom } from "./random.ts";

/** One step of a sweep: how long jobs kept their slots while so many ran at once, ms each. */
export interface SweepStep {
  concurrency: number;
  slotMs: readonly number[];
  /** For how much of its busy time the main thread had a CPU; absent where that is not known. */
  cpuShare?: number | undefined;
}

/** Throughput of a step, jobs a second, and where it lies with 95 % confidence. */
export interface StepThroughput {
  concurrency: number;
  perSecond: number;
  from: number;
  until: number;
}

export interface Knee {
  steps: StepThroughput[];
  /** The least concurrency that brings as good as all there is; where it lies with 95 % confidence. */
  concurrency?: number;
  from?: number;
  until?: number;
  /** What to do, or why nothing can be recommended. */
  advice: string;
  /** The reason alone; absent when something can be recommended. */
  cannotSay?: string;
}

/** As good as all: less is lost by a step than a run differs from the next. */
const ENOUGH = 0.95;
const RESAMPLES = 1_000;
/** Shares of a CPU may differ by so much between two steps, as a ratio: the jobs' own processes want CPUs too. */
const SAME_MACHINE = 0.25;
/** Fewer jobs say nothing about a step. */
export const LEAST_JOBS = 20;

/**
 * The knee of a ladder of concurrencies. In a closed loop that keeps all slots filled the throughput is
 * slots / mean time in a slot (Little's law); the intervals are those of a bootstrap over the jobs of each step
 * (percentiles, Efron & Tibshirani 1993, chapter 13). They know nothing of a machine that is slower in one step than in
 * another: where that is seen, nothing is recommended.
 */
export function findKnee(ladder: readonly SweepStep[], seed = 1): Knee {
  const usable = ladder
    .filter(({ slotMs }) => slotMs.length >= LEAST_JOBS)
    .sort((a, b) => a.concurrency - b.concurrency);
  const random = seededRandom(seed);
  const drawn = usable.map((step) => {
    const rates = Array.from({ length: RESAMPLES }, () => throughput(step.concurrency, draw(step.slotMs, random)));
    return { step, rates, sorted: rates.toSorted((a, b) => a - b) };
  });
  const steps = drawn.map(({ step, sorted }) => ({
    concurrency: step.concurrency,
    perSecond: throughput(step.concurrency, step.slotMs),
    from: quantile(sorted, 0.025),
    until: quantile(sorted, 0.975),
  }));
  if (steps.length < 3) return { steps, ...nothing(`three steps with ${LEAST_JOBS} jobs or more are needed`) };
  const knees = Array.from({ length: RESAMPLES }, (_, round) =>
    kneeOf(drawn.map(({ step, rates }) => ({ concurrency: step.concurrency, perSecond: rates[round]! }))),
  ).sort((a, b) => a - b);
  const known = { concurrency: kneeOf(steps), from: at(knees, 0.025), until: at(knees, 0.975) };
  const machine = machineOf(usable);
  if (machine) return { steps, ...nothing(`${machine}; sweep when it is quiet`) };
  return { steps, ...known, ...adviceOf(steps, known) };
}

function machineOf(steps: readonly SweepStep[]): string | undefined {
  const known = steps.map(({ concurrency, cpuShare }) => ({ share: cpuShare, name: `at ${concurrency}` }));
  const sorted = known.filter(({ share }) => share !== undefined).sort((a, b) => a.share! - b.share!);
  const [least, most] = [sorted[0], sorted.at(-1)];
  return least && most && differentMachine([least, most], SAME_MACHINE);
}

const throughput = (concurrency: number, slotMs: readonly number[]) =>
  (1_000 * concurrency * slotMs.length) / slotMs.reduce((sum, ms) => sum + ms, 0);

function draw(values: readonly number[], random: () => number): number[] {
  return values.map(() => values[Math.floor(random() * values.length)]!);
}

/** The least concurrency whose throughput is as good as the best. */
function kneeOf(steps: readonly Pick<StepThroughput, "concurrency" | "perSecond">[]): number {
  const best = Math.max(...steps.map(({ perSecond }) => perSecond));
  return steps.find(({ perSecond }) => perSecond >= ENOUGH * best)!.concurrency; // the best is
}

/** Of sorted steps, one of them. */
const at = (sorted: readonly number[], share: number) => sorted[Math.round(share * (sorted.length - 1))]!;

function adviceOf(
  steps: readonly StepThroughput[],
  knee: Required<Pick<Knee, "concurrency" | "from" | "until">>,
): Pick<Knee, "advice" | "cannotSay"> {
  const [first, last] = [steps[0]!.concurrency, steps.at(-1)!.concurrency];
  const places = steps.map(({ concurrency }) => concurrency);
  if (places.indexOf(knee.until) - places.indexOf(knee.from) > 1)
    return nothing(`the knee lies between ${knee.from} and ${knee.until}; take more JOBS a step`);
  if (knee.until === last)
    return nothing(`throughput may still grow beyond ${last}; sweep higher, as LADDER=${last},${2 * last},${4 * last}`);
  if (knee.until === first) return { advice: `WORKER_CONCURRENCY=${first}: more brings nothing` };
  return { advice: `WORKER_CONCURRENCY=${knee.until}: more brings less than ${Math.round(100 * (1 - ENOUGH))} %` };
}

const nothing = (cannotSay: string) => ({ advice: `Nothing can be recommended: ${cannotSay}`, cannotSay });
