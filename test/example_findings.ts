import type { Finding, JobTrace } from "../src/analysis/report.ts";

/** Three findings with every kind of evidence, one with a gain that cannot be predicted. */
export function findings(trace: JobTrace, samples: number): Finding[] {
  const span = {
    kind: "span" as const,
    traceId: trace.traceId,
    spanId: trace.spanId,
    name: trace.job,
    ms: trace.totalMs,
  };
  return [
    {
      rule: "blocked-by-neighbours",
      title: "Jobs of review spend 29 % of their run blocked by other jobs in the same process",
      detail:
        "In 388 of 402 jobs the event loop was held by another job while they could have gone on. Sure, since the ledger counts only what libuv had ready.",
      samples,
      explainsMs: 61_240,
      figures: [
        { name: "blocked, p95 of review", value: 412, unit: "ms" },
        { name: "longest block", value: 1240, unit: "ms" },
        { name: "event loop utilization, mean", value: 0.87, unit: "1" },
      ],
      evidence: [
        span,
        {
          kind: "function",
          name: "lintSource",
          file: "/app/src/review/lint_sources.ts",
          line: 42,
          cpuMs: 18_400,
          share: 0.31,
        },
        { kind: "metric", name: "nodejs.eventloop.delay.p99", value: 405, unit: "ms" },
      ],
      action:
        "Run the linting in a worker thread, or lower WORKER_CONCURRENCY from 8 to 3 and start a second worker process.",
      gain: {
        predicted: true,
        what: "p95",
        ratio: 0.29,
        formula: "blocked of the p95 bar / its sum: 412 ms / 1,420 ms",
      },
    },
    {
      rule: "cpu-bound",
      title: "lintSource takes 31 % of the worker's CPU time",
      detail: "Seen in profiles of 41 s of CPU time, 100 samples a second.",
      samples: 4120,
      explainsMs: 18_400,
      figures: [{ name: "own CPU", value: 18_400, unit: "ms" }],
      evidence: [
        {
          kind: "function",
          name: "lintSource",
          file: "/app/src/review/lint_sources.ts",
          line: 42,
          cpuMs: 18_400,
          share: 0.31,
        },
      ],
      action: "Keep one ESLint instance for all files of a job: it is made anew for each.",
      gain: {
        predicted: true,
        what: "throughput",
        ratio: 0.45,
        formula: "1 / (1 - 0.31) - 1, as the thread is the bottleneck",
      },
    },
    {
      rule: "quota-throttling",
      title: "The CPU quota stops the worker for 6 % of the time",
      detail: "cpu.stat counts it; which jobs lost how much is an estimate.",
      samples: 402,
      explainsMs: 9800,
      figures: [{ name: "throttled periods", value: 0.18, unit: "1" }],
      evidence: [{ kind: "metric", name: "prodlike.cgroup.cpu.throttled_time", value: 9800, unit: "ms" }],
      action: "Raise PRODLIKE_CPUS from 3.0 to 4.0, or lower UV_THREADPOOL_SIZE.",
      gain: { predicted: false, reason: "more CPUs also change who is blocked by whom" },
    },
  ];
}
