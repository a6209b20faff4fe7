import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import { type JobsOptions, Queue, QueueEvents } from "bullmq";
import { seededRandom } from "../../src/analysis/random.ts";
import { arrivals } from "../../src/load/arrivals.ts";
import { Tally } from "../../src/load/tally.ts";
import type { LoadSummary } from "../../src/load_summary.ts";
import { percentilesOf } from "../../src/percentiles.ts";
import type { LoadSetting, WorkerSetting } from "./types.ts";

/** What the client of a load saw, which knows nothing of telemetry. */
export interface Seen {
  summary: LoadSummary;
  throughputPerSecond: number;
  /** Planned sending to the end of the jobs of a type; of all by default. */
  p95Ms(type?: string): number;
}

export interface Jobs {
  queue: string;
  /** Of the queue store. */
  url: string;
  /** Of the API, where there is one. */
  apiUrl: string | undefined;
  types: WorkerSetting["types"];
  /** Of the jobs, beside their place in the load. */
  data: object;
}

/** Jobs that have not ended by then are lost, in ms. */
const PATIENCE_MS = 60_000;

/** A queue, seen from the side that fills it. */
export class JobLoad {
  readonly #jobs: Jobs;
  readonly #queue: Queue;
  readonly #events: QueueEvents;
  readonly #onEnd = new Map<string, (state: "completed" | "failed") => void>();
  #count = 0;

  constructor(jobs: Jobs) {
    this.#jobs = jobs;
    const connection = { url: jobs.url };
    this.#queue = new Queue(jobs.queue, { connection });
    this.#events = new QueueEvents(jobs.queue, { connection });
    this.#queue.on("error", () => {}); // it tries again; jobs that are lost are said
    this.#events.on("error", () => {});
    for (const state of ["completed", "failed"] as const)
      this.#events.on(state, ({ jobId }: { jobId: string }) => this.#onEnd.get(jobId)?.(state));
  }

  async ready(): Promise<void> {
    await Promise.all([this.#queue.waitUntilReady(), this.#events.waitUntilReady()]);
  }

  /** Has some jobs of each type done. */
  async warmUp(jobs: number): Promise<void> {
    const names = Object.keys(this.#jobs.types).flatMap((name) => Array.from({ length: jobs }, () => name));
    await this.#within(Promise.all(names.map((name) => this.#send(name, -1).ended)));
  }

  /** Sends the jobs of a load and sees them end. */
  async run({ jobs, ratePerSecond, inFlight, shares, without, prepareMs = 0 }: LoadSetting): Promise<Seen> {
    const tally = new Tally();
    const totals: [type: string, ms: number][] = [];
    const pick = picker(shares ?? Object.fromEntries(Object.keys(this.#jobs.types).map((name) => [name, 1])));
    const began = performance.now();
    const dueAt = ratePerSecond ? arrivals(ratePerSecond) : undefined;
    const underWay = new Set<Promise<void>>();
    for (let index = 0; index < jobs; index++) {
      const dueMs = began + (dueAt?.next().value ?? 0);
      const name = pick();
      while (performance.now() < dueMs) await setTimeout(Math.ceil(dueMs - performance.now()));
      if (name === without) continue;
      while (inFlight && underWay.size >= inFlight) await this.#within(Promise.race(underWay));
      keepBusy(prepareMs);
      const sentMs = inFlight ? performance.now() : dueMs;
      tally.leaves(sentMs);
      const job = this.#follow({ name, index, dueMs: sentMs }, tally, totals);
      underWay.add(job);
      job.finally(() => underWay.delete(job));
      if (!dueAt && index % 50 === 49) await setTimeout(); // answers want to be read
    }
    await this.#within(Promise.all(underWay));
    const { lateness, ...summary } = tally.summary();
    return {
      summary: {
        ...summary,
        kind: dueAt ? "open" : "closed",
        description: `${jobs} jobs, ${ratePerSecond ? `${ratePerSecond} a second` : inFlight ? `${inFlight} under way at once` : "all at once"}`,
        ...(ratePerSecond ? { ratePerSecond, ...(lateness ? { lateness } : {}) } : {}),
      },
      throughputPerSecond: tally.throughputPerSecond,
      p95Ms: (type) => percentilesOf(totals.flatMap(([of, ms]) => (!type || of === type ? ms : []))).p95,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#events.close()]);
  }

  async #follow(
    { name, index, dueMs }: { name: string; index: number; dueMs: number },
    tally: Tally,
    totals: [string, number][],
  ): Promise<void> {
    const sentMs = performance.now();
    const { id, answered, ended } = this.#send(name, index);
    await answered;
    const requestMs = performance.now() - sentMs;
    tally.answered(requestMs);
    const state = await ended;
    tally.ended({ id, state, dueMs, requestMs });
    if (state === "completed") totals.push([name, performance.now() - dueMs]);
  }

  #send(name: string, index: number) {
    const { apiUrl, data } = this.#jobs;
    const id = `job-${this.#count++}`;
    const ended = new Promise<"completed" | "failed">((resolve) => {
      this.#onEnd.set(id, resolve);
    });
    const options: JobsOptions = { jobId: id, attempts: 2 };
    const answered = apiUrl
      ? fetch(`${apiUrl}/${name}/${id}/${index}`, { method: "POST" }).then((response) => response.arrayBuffer())
      : this.#queue.add(name, { ...data, index }, options);
    return { id, answered, ended };
  }

  async #within<T>(work: Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const late = once(signal, "abort").then((): never => {
      throw new Error(`Cannot measure "${this.#jobs.queue}": jobs have not ended after ${PATIENCE_MS} ms`);
    });
    return Promise.race([work, late]);
  }
}

/** Types by their shares, in an order that looks random and is the same each time. */
function picker(shares: Record<string, number>): () => string {
  const random = seededRandom(1);
  const names = Object.keys(shares);
  const all = names.reduce((sum, name) => sum + shares[name]!, 0);
  return () => {
    let rest = random() * all;
    for (const name of names) {
      rest -= shares[name]!;
      if (rest < 0) return name;
    }
    return names[0]!;
  };
}

function keepBusy(ms: number): void {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; );
}
