import type { Report, Timeline } from "../src/analysis/report.ts";
import { findings } from "./example_findings.ts";
import { type Attempt, attemptsOf, jobType, percentiles } from "./example_jobs.ts";
import { flame, jobTrace } from "./example_traces.ts";

/** Random numbers from 0 to 1 that are the same in every run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A report as a run of 1,000 jobs of three types leaves it: every field is there, and the figures fit each other. */
export function largeReport(): Report {
  const random = randomNumbers(9);
  const attempts = attemptsOf(1000, random);
  const jobs = ["review", "thumbnail", "mail"].map((name) => jobType(name, attempts));
  const durationMs = Math.max(...attempts.map(({ endMs }) => endMs));
  const review = attempts.filter(({ job }) => job === "review").sort((a, b) => b.totalMs - a.totalMs);
  const traces = [...review.slice(0, 4), ...attempts.filter(({ job }) => job !== "review").slice(0, 3)].map(
    (attempt, index) =>
      jobTrace(attempt, { why: index === 0 ? `slowest of ${attempt.job}` : `near p95 of ${attempt.job}`, random }),
  );
  const found = findings(traces[0]!, attempts.length);
  return {
    version: 1,
    run: {
      id: "20260314T101530Z-4f2a",
      start: "2026-03-14T10:15:30.000Z",
      end: new Date(Date.parse("2026-03-14T10:15:30Z") + durationMs).toISOString(),
      gitRevision: "6c71f4b3a1d0 (main, with changes)",
      runtime: "node 20.20.2",
      stack: "local",
      store: "PostgreSQL 18.4, 9 ms a job at least",
      machine: "AMD EPYC 7B13, 8 CPUs, 31 GiB, Linux 6.1",
      limits: [
        { name: "CPUs", asked: "3.0", enforcedBy: "cgroup v2, cpu.max" },
        { name: "memory", asked: "13 GiB", enforcedBy: "cgroup v2, memory.max" },
        { name: "old space", asked: "11,264 MB", enforcedBy: "--max-old-space-size" },
        { name: "semi space", asked: "64 MB", enforcedBy: "--max-semi-space-size" },
        { name: "environment", asked: "NODE_ENV=production", enforcedBy: "the environment of the worker" },
      ],
    },
    outcome: "passed",
    reasons: ["1,000 jobs completed, none failed"],
    verdict: found[0]!.title,
    findings: found,
    jobs,
    traces,
    timeline: { durationMs, series: series(durationMs, random), lanes: attempts.map(toLane), omitted: 0 },
    flames: jobs.map(({ name }) => ({ job: name, root: flame(name, random) })),
    load: {
      kind: "open",
      description: "1,000 jobs of three types, 22 a second, exponential gaps",
      sent: 1000,
      completed: 1000,
      failed: 0,
      unfinished: 0,
      ratePerSecond: 22,
      throughputPerSecond: (1000 / durationMs) * 1000,
      total: percentiles(attempts.map(({ totalMs }) => totalMs + 12)),
      request: percentiles(attempts.map(() => 4 + random() * 9)),
      lateness: percentiles(attempts.map(() => random() * 2)),
    },
    tax: { cpuUsPerJob: 184, share: 0.021, how: "estimated: 10 us a span, 18.4 spans a job" },
    notMeasured: [
      { what: "throttled time of single jobs under 5 ms", reason: "the kernel counts how long, not when" },
      { what: "CPU time of child processes", reason: "they run no ledger" },
    ],
  };
}

/** A run in which nothing ended: no job, no metric, no profile. */
export function emptyReport(): Report {
  const { run } = largeReport();
  const { limits: _none, ...withoutLimits } = run;
  return {
    version: 1,
    run: withoutLimits,
    outcome: "nothing can be said",
    reasons: ["no job ended in this run"],
    verdict: "Nothing can be said: no job ended in this run",
    findings: [],
    jobs: [],
    traces: [],
    timeline: { durationMs: 0, series: [], lanes: [], omitted: 0 },
    tax: { how: "no job, so nothing to compare with" },
    notMeasured: [{ what: "jobs", reason: "none ended between start and end of the run" }],
  };
}

/** A run that Ctrl-C ended: some jobs, no profiles, parts of the ledger missing. */
export function cutOffReport(): Report {
  const { flames: _flames, ...report } = largeReport();
  const [review] = report.jobs;
  return {
    ...report,
    run: { ...report.run, cutOff: "ended by Ctrl-C" },
    verdict: "No bottleneck shown",
    findings: [],
    jobs: [
      { ...review!, bars: review!.bars.map((bar) => ({ ...bar, parts: { wait: bar.parts.wait ?? 0 } })), parts: {} },
    ],
    load: { ...report.load!, sent: 420, completed: 301, unfinished: 113 },
    tax: { how: "not measured: the run is not whole" },
    notMeasured: [...report.notMeasured, { what: "CPU time by function", reason: "PROFILING=off" }],
  };
}

function toLane({ lane, job, spanId, startMs, endMs, failed }: Attempt): Timeline["lanes"][number] {
  return { lane, job, spanId, startMs, endMs, failed };
}

function series(durationMs: number, random: () => number): Timeline["series"] {
  const t = Array.from({ length: Math.floor(durationMs / 1000) }, (_, second) => second * 1000);
  // The first point of the CPU has nothing to be compared with, and one export was lost.
  const values = (make: (wave: number, index: number) => number) =>
    t.map((at, index) => (index === 0 || index === 17 ? null : make(0.5 + 0.5 * Math.sin(at / 5200), index)));
  const mib = 2 ** 20;
  return [
    {
      name: "event loop utilization",
      unit: "1",
      limit: 1,
      t,
      values: values((wave) => Math.min(1, 0.55 + wave * 0.4 + random() * 0.05)),
    },
    { name: "event loop delay p99", unit: "ms", t, values: values((wave) => 20 + wave * wave * 380 + random() * 40) },
    { name: "event loop delay max", unit: "ms", t, values: values((wave) => 30 + wave * wave * 520 + random() * 90) },
    {
      name: "memory",
      unit: "By",
      limit: 900 * mib,
      t,
      values: values((wave, index) => (260 + index * 7 + wave * 40) * mib),
    },
    {
      name: "heap",
      unit: "By",
      limit: 700 * mib,
      t,
      values: values((wave, index) => (140 + index * 6 + wave * 60) * mib),
    },
    { name: "CPU", unit: "{cpu}", limit: 3, t, values: values((wave) => 0.9 + wave * 0.7 + random() * 0.2) },
    { name: "main thread", unit: "{cpu}", t, values: values((wave) => 0.6 + wave * 0.35 + random() * 0.04) },
  ];
}
