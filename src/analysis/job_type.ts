import { blockedShare, unsureMs, withBlocked } from "./blocked_estimate.ts";
import { Distribution } from "./distribution.ts";
import { type Criterion, Exemplars } from "./exemplars.ts";
import { type JobRecord, LEDGER, type ObservedJob, ownMs } from "./job_record.ts";
import { ByName } from "./names.ts";
import type { Part } from "./report.ts";
import { Reservoir } from "./reservoir.ts";

/** Attempts of a type of which single values are kept: percentiles are exact up to here. */
export const KEPT_RECORDS = 5_000;
const KEPT_CALLS = 1_000;
const MOST_NAMES = 300;

interface SpanSums {
  count: number;
  selfMs: number;
  cpuMs: number;
  /** How many of them said how much CPU they took. */
  withCpu: number;
}

export interface CallSums {
  durations: Distribution;
  failed: number;
  /** Time in which jobs had at least one of these calls under way. */
  unionMs: number;
  jobs: number;
}

export interface RepeatedSums {
  count: number;
  unionMs: number;
  /** More than `unionMs` where they overlap. */
  sumMs: number;
  jobs: number;
}

/** Times of an attempt: `store` is what of the job span is not run. */
export type Summed = Part | "run" | "store" | "total" | "cpuTime";

/** All that is kept of the jobs of one type. */
export class JobTypeFacts {
  readonly name: string;
  readonly queue: string;
  count = 0;
  failed = 0;
  retries = 0;
  /** Those with a ledger. */
  withLedger = 0;
  /** Time in attempts that failed, wait included. */
  failedMs = 0;
  failedSpanMs = 0;
  failedOwnMs = 0;
  spanMs = 0;
  /** Time of others of which the ledger does not know whether the job was blocked by it. */
  unsureMs = 0;
  /** Sum and number by part. */
  readonly sums = new Map<Summed, { ms: number; count: number; max: number }>();
  readonly records: Reservoir<JobRecord>;
  readonly spans = new ByName<SpanSums>(MOST_NAMES, () => ({ count: 0, selfMs: 0, cpuMs: 0, withCpu: 0 }));
  readonly calls = new ByName<CallSums>(MOST_NAMES, () => {
    return { durations: new Distribution(KEPT_CALLS), failed: 0, unionMs: 0, jobs: 0 };
  });
  readonly repeated = new ByName<RepeatedSums>(MOST_NAMES, () => ({ count: 0, unionMs: 0, sumMs: 0, jobs: 0 }));
  readonly exemplars = new Exemplars();

  constructor(name: string, queue: string, seed: number) {
    this.name = name;
    this.queue = queue;
    this.records = new Reservoir(KEPT_RECORDS, seed);
  }

  add(job: ObservedJob): void {
    const { record, tree, place } = job;
    const span = tree.nodes[place]!;
    const { attempt, failed } = span.job!; // `place` is that of a job span
    this.count++;
    this.spanMs += span.endMs - span.startMs;
    if (attempt > 1) this.retries++;
    if (failed) {
      this.failed++;
      this.failedMs += record.totalMs;
      this.failedSpanMs += span.endMs - span.startMs;
      this.failedOwnMs += ownMs(record.parts);
    }
    if (record.parts.cpu !== undefined) this.withLedger++;
    this.unsureMs += unsureMs(record);
    this.records.add(record);
    this.#sum("total", record.totalMs);
    this.#sum("run", record.parts.run);
    this.#sum("wait", record.parts.wait);
    this.#sum("store", record.storeMs);
    this.#sum("cpuTime", record.cpuTimeMs);
    for (const part of LEDGER) this.#sum(part, record.parts[part]);
    this.#addSpans(job);
    this.#offer(job, failed);
  }

  /** Over all attempts; `undefined` when no attempt has it. */
  sum(part: Summed): number | undefined {
    return this.sums.get(part)?.ms;
  }

  /** JavaScript of its own over all attempts, pauses among it; 0 without a ledger. */
  get ownMs(): number {
    return (this.sum("cpu") ?? 0) + (this.sum("gc") ?? 0) + (this.sum("throttled") ?? 0);
  }

  /** Settles what the ledger leaves open between `blocked` and `overlapped`; called once, when all attempts are there. */
  estimateBlocked(): void {
    const { items } = this.records;
    const share = blockedShare(items);
    if (share === 0) return;
    items.splice(0, items.length, ...items.map((record) => withBlocked(record, share)));
    const ms = share * this.unsureMs;
    for (const [part, more] of [
      ["blocked", ms],
      ["overlapped", -ms],
    ] as const) {
      const sum = this.sums.get(part);
      if (!sum) continue;
      sum.ms += more;
      sum.max = most(items.map(({ parts }) => parts[part] ?? 0));
    }
  }

  #sum(part: Summed, ms: number | undefined): void {
    if (ms === undefined) return;
    const sum = this.sums.get(part) ?? { ms: 0, count: 0, max: 0 };
    this.sums.set(part, { ms: sum.ms + ms, count: sum.count + 1, max: Math.max(sum.max, ms) });
  }

  #addSpans({ spans, calls, repeated }: ObservedJob): void {
    for (const { name, selfMs, cpuMs } of spans) {
      const sums = this.spans.get(name);
      sums.count++;
      sums.selfMs += selfMs;
      if (cpuMs !== undefined) sums.withCpu++;
      sums.cpuMs += cpuMs ?? 0;
    }
    for (const { name, spans, unionMs } of calls) {
      const sums = this.calls.get(name);
      for (const { startMs, endMs, failed } of spans) {
        sums.durations.add(endMs - startMs);
        if (failed) sums.failed++;
      }
      sums.unionMs += unionMs;
      sums.jobs++;
    }
    for (const { name, spans, unionMs } of repeated) {
      const sums = this.repeated.get(name);
      sums.count += spans.length;
      sums.unionMs += unionMs;
      for (const { startMs, endMs } of spans) sums.sumMs += endMs - startMs;
      sums.jobs++;
    }
  }

  #offer(job: ObservedJob, failed: boolean): void {
    const { totalMs, parts, storeMs } = job.record;
    const offers: [Criterion, number | undefined][] = [
      ["slowest", totalMs],
      ["wait", parts.wait],
      ["store", storeMs],
      ["request", job.requestMs],
      ["enqueue", job.enqueueMs],
      ["failed", failed ? totalMs : undefined],
      ["repeated", most(job.repeated.map(({ spans }) => spans.length))],
      ["call", most(job.calls.map(({ unionMs }) => unionMs))],
      ...(["cpu", "gc", "throttled", "blocked", "idle"] as const).map((part): [Criterion, number | undefined] => [
        part,
        parts[part],
      ]),
    ];
    for (const [criterion, value] of offers) this.exemplars.offer(criterion, value, job);
  }
}

function most(values: number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
