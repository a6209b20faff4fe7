import { type Percentiles, percentilesOf } from "../percentiles.ts";
import type { JobRecord } from "./job_record.ts";
import { LEDGER } from "./job_record.ts";
import type { JobTypeFacts, Summed } from "./job_type.ts";
import { type JobType, PARTS, type Part } from "./report.ts";

/** Rows of each table of a job type. */
const ROWS = 15;

/** What is around a percentile: attempts whose rank by total lies between these shares. */
const AROUND = { p50: [0.45, 0.55], p95: [0.925, 0.975], p99: [0.985, 0.995] } as const;
type Label = keyof typeof AROUND;

/** The facts of a job type as they are reported. */
export function describeJobType(facts: JobTypeFacts, name: string): Omit<JobType, "functions"> {
  const bars = (Object.keys(AROUND) as Label[]).map((label) => ({ label, records: recordsAround(facts, label) }));
  return {
    name,
    queue: facts.queue,
    count: facts.count,
    failed: facts.failed,
    retries: facts.retries,
    total: percentilesOfPart(facts, "total")!,
    parts: Object.fromEntries(
      [...PARTS, "run" as const].flatMap((part) => {
        const percentiles = percentilesOfPart(facts, part);
        return percentiles ? [[part, percentiles]] : [];
      }),
    ),
    ...(facts.sums.has("cpuTime") ? { cpuTime: percentilesOfPart(facts, "cpuTime")! } : {}),
    ...(facts.sums.has("store") ? { store: percentilesOfPart(facts, "store")! } : {}),
    bars: bars.map(({ label, records }) => ({ label, samples: records.length, parts: meanParts(records) })),
    criticalPath: bars.map(({ label, records }) => ({ label, steps: meanPath(records) })),
    ...describeSpans(facts),
  };
}

/** The kept attempts around a percentile of the total; of few attempts the one that is nearest to it. */
export function recordsAround({ records }: JobTypeFacts, label: Label): JobRecord[] {
  const [from, until] = AROUND[label];
  const sorted = records.items.toSorted((a, b) => a.totalMs - b.totalMs);
  const last = sorted.length - 1;
  return sorted.slice(Math.floor(from * last), Math.ceil(until * last) + 1);
}

/** The mean of each part over some attempts, of those that have it. */
export function meanParts(records: JobRecord[]): Partial<Record<Part, number>> {
  const parts: Partial<Record<Part, number>> = {};
  for (const part of ["wait", ...LEDGER] as const) {
    const values = records.flatMap(({ parts }) => parts[part] ?? []);
    if (values.length) parts[part] = values.reduce((total, ms) => total + ms, 0) / values.length;
  }
  return parts;
}

function percentilesOfPart(facts: JobTypeFacts, part: Summed): Percentiles | undefined {
  const sum = facts.sums.get(part);
  if (!sum) return undefined;
  const values = facts.records.items.flatMap((record) => {
    if (part === "total") return record.totalMs;
    if (part === "cpuTime") return record.cpuTimeMs ?? [];
    return (part === "store" ? record.storeMs : record.parts[part]) ?? [];
  });
  // Sum, number and maximum are of all attempts, also where not all of them are kept.
  return { ...percentilesOf(values), samples: sum.count, mean: sum.ms / sum.count, max: sum.max };
}

function meanPath(records: JobRecord[]): JobType["criticalPath"][number]["steps"] {
  const sums = new Map<string, number>();
  for (const { path } of records) for (const [name, ms] of path) sums.set(name, (sums.get(name) ?? 0) + ms);
  const totalMs = records.reduce((total, record) => total + record.totalMs, 0);
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, ROWS)
    .map(([name, ms]) => ({ name, ms: ms / records.length, share: totalMs > 0 ? ms / totalMs : 0 }));
}

function describeSpans(facts: JobTypeFacts): Pick<JobType, "spans" | "downstream" | "repeated"> {
  const spans = facts.spans.entries().map(([name, { count, selfMs, cpuMs, withCpu }]) => ({
    ...{ name, count, perJob: count / facts.count, selfMs },
    ...(withCpu ? { cpuMs } : {}),
  }));
  const calls = facts.calls.entries().map(([name, { durations, failed, unionMs }]) => {
    const { samples: count, p50, p95 } = durations.percentiles();
    return { unionMs, row: { name, count, perJob: count / facts.count, p50, p95, failed } };
  });
  const repeated = facts.repeated.entries().map(([name, { count, unionMs, jobs }]) => {
    return { unionMs, row: { name, perJob: count / jobs, msPerJob: unionMs / jobs, samples: jobs } };
  });
  const byTime = (a: { unionMs: number }, b: { unionMs: number }) => b.unionMs - a.unionMs;
  return {
    spans: spans.sort((a, b) => b.selfMs - a.selfMs).slice(0, ROWS),
    downstream: calls
      .sort(byTime)
      .map(({ row }) => row)
      .slice(0, ROWS),
    repeated: repeated
      .sort(byTime)
      .map(({ row }) => row)
      .slice(0, ROWS),
  };
}
