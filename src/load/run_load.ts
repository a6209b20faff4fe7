import { setMaxListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import type { JobRequest } from "../application/application.ts";
import type { LoadSummary } from "../load_summary.ts";
import type { LoadSettings } from "../settings/load.ts";
import { arrivals } from "./arrivals.ts";
import { type FollowedJob, type FollowOptions, JobFollower } from "./follow_job.ts";
import { type Failures, type JobOutcome, Tally } from "./tally.ts";

/** How much is sent, and at which rate. */
export interface Load extends Pick<LoadSettings, "jobs" | "durationMs" | "ratePerSecond"> {
  /** Closed loop: jobs under way at once. */
  inFlight: number;
}

export interface LoadOptions extends Pick<FollowOptions, "spans" | "end"> {
  /** What is sent, one after the other and again from the first. */
  requests: JobRequest[];
  /** What they are, for people. */
  what: string;
  /** Jobs that the worker runs at once: so many are watched, and some more. */
  concurrency: number;
  /** The load is given up when no job has ended for so long, or three times the longest so far. @default {60_000} */
  patienceMs?: number;
  /** Aborted: the load ends, jobs that are under way are left alone, and its reason is why the result is cut off. */
  signal: AbortSignal;
  /** Told where to look while the load runs. */
  onBegin?: (tally: Tally) => void;
}

export interface LoadResult {
  summary: LoadSummary;
  /** Why it is not whole. */
  cutOff?: string;
  failures: Failures[];
  /** The slowest jobs, the slowest first. */
  slowest: JobOutcome[];
}

/** Jobs under way at once, whatever the rate: a worker that falls so far behind does not keep up. */
const MOST_UNDER_WAY = 10_000;
/** The load ends when so many requests in a row were refused. */
const MOST_REFUSED = 100;

/** Sends jobs and follows each to its end. */
export async function runLoad(load: Load, options: LoadOptions): Promise<LoadResult> {
  const running = new RunningLoad(load, options);
  await running.run();
  return running.result();
}

/** Ends the load for a reason that people read. */
class CutOff extends Error {}

class RunningLoad {
  readonly #load: Load;
  readonly #options: LoadOptions;
  readonly #follower: JobFollower;
  readonly #tally = new Tally();
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  /** Those that were answered, the oldest first. */
  readonly #answered = new Set<FollowedJob>();
  #index = 0;
  /** How long the sending took, once it is over. */
  #sentMs: number | undefined;

  constructor(load: Load, options: LoadOptions) {
    this.#load = load;
    this.#options = options;
    const { ratePerSecond, inFlight } = load;
    const { concurrency, spans, end } = options;
    const running = 4 * concurrency + 16;
    this.#follower = new JobFollower({
      most: ratePerSecond === undefined ? Math.max(inFlight, running) : running,
      spans,
      end,
    });
    setMaxListeners(0, this.#stop.signal); // one for each job
  }

  async run(): Promise<void> {
    const { signal, onBegin } = this.#options;
    const end = () => this.#stop.abort(signal.reason);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
    onBegin?.(this.#tally);
    const guarding = this.#guard();
    try {
      await (this.#load.ratePerSecond === undefined ? this.#closedLoop() : this.#openLoop());
      this.#sentMs = this.#tally.elapsedMs;
      await Promise.all(this.#underWay);
    } finally {
      clearInterval(guarding);
      signal.removeEventListener("abort", end);
    }
  }

  /** Ends a load that would not end. */
  #guard(): NodeJS.Timeout {
    const { patienceMs = 60_000 } = this.#options;
    const check = () => {
      const { inFlight, quietMs, longestMs, elapsedMs } = this.#tally;
      const mostMs = Math.max(patienceMs, 3 * longestMs);
      const seconds = (ms: number) => `${(ms / 1_000).toFixed(0)} s`;
      if (inFlight > 0 && quietMs > mostMs)
        this.#cut(`no job had ended for ${seconds(quietMs)}, ${inFlight} were under way${this.#whyOldest()}`);
      const drainingMs = elapsedMs - (this.#sentMs ?? elapsedMs);
      if (drainingMs > Math.max(mostMs, this.#sentMs ?? 0))
        this.#cut(`${inFlight} jobs had not ended ${seconds(drainingMs)} after the last was sent${this.#whyOldest()}`);
    };
    return setInterval(check, Math.min(1_000, patienceMs / 4));
  }

  result(): LoadResult {
    const { ratePerSecond, jobs, durationMs, inFlight } = this.#load;
    const isOpen = ratePerSecond !== undefined;
    const { lateness, ...summary } = this.#tally.summary();
    const amount = [jobs && `${jobs} jobs`, durationMs && `${durationMs / 1_000} s`].filter(Boolean).join(", at most ");
    const how = isOpen ? `${ratePerSecond} a second, at random (Poisson)` : `${inFlight} under way at once`;
    const { reason } = this.#stop.signal;
    return {
      summary: {
        kind: isOpen ? "open" : "closed",
        description: `${amount}; ${how}; ${this.#options.what}${this.#follower.remark}`,
        ...summary,
        ...(this.#follower.seenLate > 0 ? { seenLate: this.#follower.seenLate } : {}),
        ...(isOpen ? { ratePerSecond, ...(lateness && { lateness }) } : {}),
      },
      ...(this.#stop.signal.aborted ? { cutOff: reason instanceof Error ? reason.message : String(reason) } : {}),
      failures: this.#tally.failures(),
      slowest: this.#tally.slowest(),
    };
  }

  /** Arrivals keep their schedule whatever the worker does. */
  async #openLoop(): Promise<void> {
    const { ratePerSecond = 0, jobs = Number.POSITIVE_INFINITY, durationMs = Number.POSITIVE_INFINITY } = this.#load;
    const { signal } = this.#stop;
    const began = performance.now();
    for (const atMs of arrivals(ratePerSecond)) {
      if (this.#index >= jobs || atMs > durationMs) return;
      // A timer may be early by a part of a ms.
      for (let restMs = 1; restMs > 0 && !signal.aborted; ) {
        restMs = began + atMs - performance.now();
        if (restMs > 0) await setTimeout(Math.ceil(restMs), undefined, { signal }).catch(() => {});
      }
      if (signal.aborted) return;
      if (this.#tally.inFlight >= MOST_UNDER_WAY)
        return this.#cut(`${MOST_UNDER_WAY} jobs were under way at once: the worker does not keep up with the rate`);
      const job = this.#drive(began + atMs);
      this.#underWay.add(job);
      job.finally(() => this.#underWay.delete(job));
    }
  }

  /** A number of clients, each of which sends its next job when the one before has ended. */
  async #closedLoop(): Promise<void> {
    const { inFlight, jobs = Number.POSITIVE_INFINITY, durationMs = Number.POSITIVE_INFINITY } = this.#load;
    const { signal } = this.#stop;
    const began = performance.now();
    const isOver = () => signal.aborted || this.#index >= jobs || performance.now() - began >= durationMs;
    await new Promise<void>((resolve) => {
      const client = async () => {
        while (!isOver()) await this.#drive(performance.now());
        resolve(); // the first that finds nothing more to send: the others are at their last job
      };
      for (let clients = Math.min(inFlight, jobs); clients > 0; clients--) this.#underWay.add(client());
    });
  }

  /** Sends one job that was due at `dueMs` and follows it. */
  async #drive(dueMs: number): Promise<void> {
    const { requests } = this.#options;
    const { signal } = this.#stop;
    const request = requests[this.#index++ % requests.length]!;
    this.#tally.leaves(dueMs);
    let job: FollowedJob | undefined;
    try {
      job = await this.#follower.send(request, signal);
      this.#answered.add(job);
      this.#tally.answered(job.requestMs);
      const { state, ...end } = await job.untilEnd(signal);
      if (state === "no job") return this.#tally.addedNone();
      const { id, requestMs, trace } = job;
      this.#tally.ended({ state, dueMs, requestMs, traceId: trace.traceId, ...end, id: id ?? end.id ?? trace.traceId });
    } catch (error) {
      const { message } = error as Error;
      if (signal.aborted) return this.#tally.left();
      if (job) return this.#tally.left(message);
      this.#tally.refused(message);
      if (this.#tally.refusedInARow >= MOST_REFUSED)
        this.#cut(`${MOST_REFUSED} requests in a row were refused: ${message}`);
    } finally {
      if (job) this.#answered.delete(job);
    }
  }

  /** What is known of the job that was sent first of those under way. */
  #whyOldest(): string {
    const [oldest] = this.#answered;
    return oldest ? `; of the oldest, ${oldest.why()}` : "";
  }

  #cut(reason: string): void {
    this.#stop.abort(new CutOff(reason));
  }
}
