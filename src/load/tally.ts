import type { LoadSummary } from "../load_summary.ts";
import { type Percentiles, percentilesOf } from "../percentiles.ts";

/** One job, as its client saw it. */
export interface JobOutcome {
  /** Of the job; of one that nobody tells, that of its trace. */
  id: string;
  traceId?: string;
  state: "completed" | "failed";
  /** From the beginning of the load to the planned sending, ms. */
  plannedMs: number;
  requestMs: number;
  /** From the planned sending to the end, ms. */
  totalMs: number;
}

/** A job that has ended. */
export interface EndedJob extends Omit<JobOutcome, "plannedMs" | "totalMs"> {
  /** When its request was to be sent, by `performance.now()`. */
  dueMs: number;
  error?: string;
  /** When it ended, Unix time in ms. @default now */
  atMs?: number;
}

/** A reason for which jobs failed, were refused or could not be followed. */
export interface Failures {
  reason: string;
  count: number;
}

/** What is written of single jobs, at most: the slowest, and reasons. */
const MOST = { slowest: 100, reasons: 20, reasonLength: 300 };
const OTHER = "other reasons";

/** Counts what becomes of jobs. Memory: three numbers a job. */
export class Tally {
  sent = 0;
  completed = 0;
  failed = 0;
  unfinished = 0;
  /** Requests that have added no job. */
  withoutJob = 0;
  /** Requests in a row that were refused. */
  refusedInARow = 0;
  longestMs = 0;
  readonly #beganMs = performance.now();
  #firstMs: number | undefined;
  #lastMs = this.#beganMs;
  #quietSinceMs = this.#beganMs;
  readonly #total: number[] = [];
  readonly #request: number[] = [];
  readonly #lateness: number[] = [];
  #slowest: JobOutcome[] = [];
  readonly #reasons = new Map<string, number>();

  get inFlight(): number {
    return this.sent - this.completed - this.failed - this.unfinished - this.withoutJob;
  }

  get elapsedMs(): number {
    return performance.now() - this.#beganMs;
  }

  /** For how long jobs have been under way and none has ended. */
  get quietMs(): number {
    return performance.now() - this.#quietSinceMs;
  }

  /** Completed jobs a second, from the first sending to the last end. */
  get throughputPerSecond(): number {
    const ms = this.#lastMs - (this.#firstMs ?? this.#lastMs);
    return ms > 0 ? (1_000 * this.completed) / ms : 0;
  }

  /** A job leaves now, which was planned for `dueMs`. */
  leaves(dueMs: number): void {
    if (this.inFlight === 0) this.#quietSinceMs = performance.now();
    this.sent++;
    this.#firstMs ??= dueMs;
    this.#lateness.push(Math.max(0, performance.now() - dueMs));
  }

  answered(requestMs: number): void {
    this.refusedInARow = 0;
    this.#request.push(requestMs);
  }

  refused(reason: string): void {
    this.refusedInARow++;
    this.failed++;
    this.#because(reason);
  }

  ended({ dueMs, error, atMs, ...job }: EndedJob): void {
    this.#quietSinceMs = performance.now();
    const endMs = atMs === undefined ? this.#quietSinceMs : this.#quietSinceMs - (Date.now() - atMs);
    this.#lastMs = Math.max(this.#lastMs, endMs);
    const totalMs = endMs - dueMs;
    this.longestMs = Math.max(this.longestMs, totalMs);
    this[job.state]++;
    if (job.state === "completed") this.#total.push(totalMs);
    if (error !== undefined) this.#because(error);
    this.#slowest.push({ ...job, plannedMs: dueMs - this.#beganMs, totalMs });
    if (this.#slowest.length >= 2 * MOST.slowest) this.#slowest = this.slowest();
  }

  /** Its request has added no job. */
  addedNone(): void {
    this.#quietSinceMs = performance.now();
    this.withoutJob++;
  }

  /** The load ended before the job, or `reason` keeps its end from being seen. */
  left(reason?: string): void {
    this.unfinished++;
    if (reason !== undefined) this.#because(reason);
  }

  /** The slowest jobs first. */
  slowest(): JobOutcome[] {
    return this.#slowest.sort((a, b) => b.totalMs - a.totalMs).slice(0, MOST.slowest);
  }

  /** The most frequent first. */
  failures(): Failures[] {
    const reasons = [...this.#reasons].map(([reason, count]) => ({ reason, count }));
    return reasons.sort((a, b) => b.count - a.count);
  }

  summary(): Omit<LoadSummary, "kind" | "description"> & { lateness?: Percentiles } {
    const [total, request, lateness] = [this.#total, this.#request, this.#lateness].map((values) =>
      values.length > 0 ? percentilesOf(values) : undefined,
    );
    return {
      ...{ sent: this.sent, completed: this.completed, failed: this.failed, unfinished: this.unfinished },
      ...(this.withoutJob > 0 ? { withoutJob: this.withoutJob } : {}),
      throughputPerSecond: this.throughputPerSecond,
      ...(total && { total }),
      ...(request && { request }),
      ...(lateness && { lateness }),
    };
  }

  #because(reason: string): void {
    const text = reason.slice(0, MOST.reasonLength);
    const key = this.#reasons.has(text) || this.#reasons.size < MOST.reasons ? text : OTHER;
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1);
  }
}
