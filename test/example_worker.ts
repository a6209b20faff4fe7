import type { AnalysisInput } from "../src/analysis/analyze.ts";
import { seededRandom } from "../src/analysis/random.ts";
import { readDescription } from "../src/analysis/run_description.ts";
import type { LoadSummary } from "../src/load_summary.ts";
import { percentilesOf } from "../src/percentiles.ts";
import { type AttemptTimes, STORE_MS, telemetryOf } from "./example_telemetry.ts";

/** A step of a job: JavaScript on the thread, or a call to something else. */
export type Step = Turn | { callMs: number };

interface Turn {
  cpuMs: number;
  gcMs?: number;
  throttledMs?: number;
}

export interface WorkerModel {
  /** How often each type comes, its steps, and the share of its attempts that fail and are put back. */
  types: Record<string, { share?: number; steps: Step[]; fail?: number }>;
  concurrency: number;
  /** Jobs that are sent. @default {400} */
  jobs?: number;
  /** Jobs a second that come at random times, whatever the worker does; absent: all at once. */
  rate?: number;
  /** @default {1} */
  seed?: number;
}

export interface Attempt extends AttemptTimes {
  steps: Step[];
  readyMs: number;
}

/** What one worker does by the rules of queueing: slots in front of one thread, each first come, first served. */
export interface SimulatedRun {
  input: AnalysisInput;
  throughputPerSecond: number;
  /** Enqueue to end of the attempts of a type; of all by default. */
  p95Ms(type?: string): number;
}

/** Step lengths are random within these bounds of their mean. */
const [SHORTEST, LONGEST] = [0.8, 1.2];

/** Runs a model and gives what its telemetry would be. */
export function simulate({ types, concurrency, jobs = 400, rate, seed = 1 }: WorkerModel): SimulatedRun {
  const random = seededRandom(seed);
  const scattered = (ms: number) => ms * (SHORTEST + (LONGEST - SHORTEST) * random());
  const events: { atMs: number; run: () => void }[] = [];
  const waiting: Attempt[] = [];
  const thread: { attempt: Attempt; step: Turn }[] = [];
  const busy: [number, number][] = [];
  const ended: Attempt[] = [];
  let nowMs = 0;
  let running = 0;
  let isBusy = false;
  const at = (atMs: number, run: () => void) => {
    let place = events.length;
    while (place > 0 && events[place - 1]!.atMs > atMs) place--;
    events.splice(place, 0, { atMs, run });
  };

  const enqueue = (type: string, number: number) => {
    const { steps, fail = 0 } = types[type]!;
    const zero = { startMs: 0, readyMs: 0, endMs: 0, cpuMs: 0, gcMs: 0, throttledMs: 0, blockedMs: 0 };
    waiting.push({ type, number, steps: [...steps], fails: random() < fail, enqueuedMs: nowMs, ...zero, calls: [] });
    fillSlots();
  };
  const fillSlots = () => {
    while (running < concurrency && waiting.length) {
      const attempt = waiting.shift()!;
      attempt.startMs = nowMs;
      running++;
      goOn(attempt);
    }
  };
  const goOn = (attempt: Attempt) => {
    const step = attempt.steps.shift();
    attempt.readyMs = nowMs;
    if (!step) {
      attempt.endMs = nowMs;
      ended.push(attempt);
      at(nowMs + STORE_MS, () => {
        running--;
        fillSlots();
      });
      if (attempt.fails) enqueue(attempt.type, attempt.number + 1);
    } else if ("callMs" in step) {
      const ms = scattered(step.callMs);
      attempt.calls.push({ fromMs: nowMs, ms });
      at(nowMs + ms, () => goOn(attempt));
    } else {
      thread.push({ attempt, step });
      serve();
    }
  };
  const serve = () => {
    const next = isBusy ? undefined : thread.shift();
    if (!next) return;
    isBusy = true;
    const { attempt, step } = next;
    const [cpuMs, gcMs, throttledMs] = [scattered(step.cpuMs), step.gcMs ?? 0, step.throttledMs ?? 0];
    attempt.blockedMs += nowMs - attempt.readyMs;
    attempt.cpuMs += cpuMs;
    attempt.gcMs += gcMs;
    attempt.throttledMs += throttledMs;
    const untilMs = nowMs + cpuMs + gcMs + throttledMs;
    busy.push([nowMs, untilMs]);
    at(untilMs, () => {
      isBusy = false;
      goOn(attempt);
      serve();
    });
  };

  const all = Object.values(types).reduce((sum, { share = 1 }) => sum + share, 0);
  const pick = () => {
    let rest = random() * all;
    for (const [type, { share = 1 }] of Object.entries(types)) {
      rest -= share;
      if (rest < 0) return type;
    }
    throw new Error("shares do not add up");
  };
  let arrivalMs = 0;
  for (let job = 0; job < jobs; job++) {
    if (rate) arrivalMs += (-Math.log(1 - random()) * 1e3) / rate;
    const type = pick();
    at(arrivalMs, () => enqueue(type, 1));
  }
  for (let event = events.shift(); event; event = events.shift()) {
    nowMs = event.atMs;
    event.run();
  }

  const done = ended.filter(({ fails }) => !fails).length;
  const total = ({ endMs, enqueuedMs }: Attempt) => endMs - enqueuedMs + STORE_MS;
  const throughputPerSecond = (1e3 * done) / nowMs;
  const load: LoadSummary = {
    ...{
      kind: rate ? "open" : "closed",
      description: "simulated",
      sent: jobs,
      completed: done,
      failed: 0,
      unfinished: 0,
    },
    ...{ throughputPerSecond, total: percentilesOf(ended.map(total)), request: percentilesOf([5]) },
    ...(rate ? { ratePerSecond: rate } : {}),
  };
  return {
    input: {
      ...telemetryOf(ended, { busy, untilMs: nowMs }),
      load,
      description: readDescription({ worker: { concurrency }, services: { worker: "worker" } }),
    },
    throughputPerSecond,
    p95Ms: (type) => percentilesOf(ended.filter((each) => !type || each.type === type).map(total)).p95,
  };
}
