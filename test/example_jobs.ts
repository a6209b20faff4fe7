import { type JobType, PARTS, type Part, type Parts } from "../src/analysis/report.ts";
import type { Percentiles } from "../src/percentiles.ts";

/** One attempt of a made-up run. */
export interface Attempt {
  lane: number;
  job: string;
  spanId: string;
  startMs: number;
  endMs: number;
  failed: boolean;
  totalMs: number;
  parts: Parts;
}

const LANES = 8;
/** Of a job type: its share of all, and of a run of 1 the parts. */
const types: Record<string, { share: number; runMs: number; parts: Parts }> = {
  review: {
    share: 0.4,
    runMs: 420,
    parts: { cpu: 0.34, gc: 0.05, throttled: 0.06, blocked: 0.29, overlapped: 0.09, idle: 0.16, unexplained: 0.01 },
  },
  thumbnail: {
    share: 0.35,
    runMs: 160,
    parts: { cpu: 0.18, gc: 0.03, throttled: 0.02, blocked: 0.33, overlapped: 0.12, idle: 0.31, unexplained: 0.01 },
  },
  mail: {
    share: 0.25,
    runMs: 70,
    parts: { cpu: 0.04, gc: 0, throttled: 0, blocked: 0.21, overlapped: 0.13, idle: 0.63, unexplained: -0.01 },
  },
};

/** `count` attempts on eight lanes, in the order of their beginning. */
export function attemptsOf(count: number, random: () => number): Attempt[] {
  const free = Array.from({ length: LANES }, () => 0);
  return Array.from({ length: count }, (_, index) => {
    const at = random();
    const job = at < 0.4 ? "review" : at < 0.75 ? "thumbnail" : "mail";
    const { runMs, parts } = types[job]!;
    // A long tail: the slowest are some six times the median.
    const run = runMs * (0.6 + 0.5 * random() + 0.25 * -Math.log(1 - random() * 0.999));
    const lane = free.indexOf(Math.min(...free));
    const startMs = Math.max(free[lane]!, index * 40);
    free[lane] = startMs + run;
    const wait = startMs - index * 40 + 4 + random() * 6;
    const own = PARTS.filter((part) => parts[part] !== undefined).map((part) => [part, run * parts[part]!]);
    const spanId = (0xabc0000000000000n + BigInt(index)).toString(16);
    return {
      lane,
      job,
      spanId,
      startMs,
      endMs: startMs + run,
      failed: random() < 0.006,
      totalMs: wait + run,
      parts: { wait, ...Object.fromEntries(own) },
    };
  });
}

/** What analysis says of one job type. */
export function jobType(name: string, all: Attempt[]): JobType {
  const attempts = all.filter(({ job }) => job === name).sort((a, b) => a.totalMs - b.totalMs);
  const around = (quantile: number) => {
    const middle = Math.floor(quantile * (attempts.length - 1));
    return attempts.slice(Math.max(0, middle - 10), middle + 11);
  };
  const bars = (
    [
      ["p50", 0.5],
      ["p95", 0.95],
      ["p99", 0.99],
    ] as const
  ).map(([label, quantile]) => {
    const near = around(quantile);
    const mean = (part: Part) => near.reduce((sum, { parts }) => sum + (parts[part] ?? 0), 0) / near.length;
    return { label, samples: near.length, parts: Object.fromEntries(PARTS.map((part) => [part, mean(part)])) };
  });
  const total = percentiles(attempts.map(({ totalMs }) => totalMs));
  const ofPart = (part: Part) => percentiles(attempts.map(({ parts }) => parts[part] ?? 0));
  return {
    name,
    queue: "reviews",
    count: attempts.length,
    failed: attempts.filter(({ failed }) => failed).length,
    retries: 3,
    total,
    parts: {
      ...Object.fromEntries(PARTS.map((part) => [part, ofPart(part)])),
      run: percentiles(attempts.map(({ endMs, startMs }) => endMs - startMs)),
    },
    bars,
    criticalPath: bars.map(({ label, parts }) => ({
      label,
      steps: [
        { name: "wait", ms: parts.wait ?? 0, share: 0.2 },
        { name: "read the diff", ms: total.p50 * 0.2, share: 0.2 },
        { name: "lint", ms: total.p50 * 0.6, share: 0.6 },
      ],
    })),
    spans: [
      {
        name: "lint",
        count: attempts.length,
        perJob: 1,
        selfMs: total.mean * 0.5 * attempts.length,
        cpuMs: 90 * attempts.length,
      },
      { name: "git show", count: attempts.length * 6, perJob: 6, selfMs: total.mean * 0.3 * attempts.length },
      {
        name: "process",
        count: attempts.length,
        perJob: 1,
        selfMs: total.mean * 0.2 * attempts.length,
        cpuMs: 4 * attempts.length,
      },
    ],
    downstream: [{ name: "GET api.example.com", count: attempts.length * 2, perJob: 2, p50: 18, p95: 74, failed: 1 }],
    repeated: [{ name: "git show", perJob: 6, msPerJob: 84, samples: attempts.length }],
    functions: [
      {
        name: "lintSource",
        file: "/app/src/review/lint_sources.ts",
        line: 42,
        selfMs: 18_400,
        totalMs: 41_000,
        share: 0.31,
      },
      {
        name: "parse",
        file: "/app/node_modules/espree/dist/espree.js",
        line: 1180,
        selfMs: 9100,
        totalMs: 12_000,
        share: 0.15,
      },
    ],
  };
}

/** Of at least one value. */
export function percentiles(values: number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (quantile: number) => sorted[Math.floor(quantile * (sorted.length - 1))]!;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { samples: sorted.length, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
