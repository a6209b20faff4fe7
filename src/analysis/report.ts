// What one recorded run shows: one object, rendered as text, Markdown, HTML and JSON (docs/report.schema.json).
// Times are ms unless a name says otherwise; what was not measured is absent, and named in `notMeasured`.

import type { LoadSummary } from "../load_summary.ts";
import type { Percentiles } from "../percentiles.ts";

export interface Report {
  version: 1;
  run: ReportedRun;
  outcome: Outcome["outcome"];
  /** Of an outcome that is not "passed", the one that weighs most first. */
  reasons: string[];
  /** The title of the first finding, or "No bottleneck shown", or why nothing can be said. */
  verdict: string;
  /** The ones that explain most time first. */
  findings: Finding[];
  /** Those with the most time first. */
  jobs: JobType[];
  /** Of single jobs: the worst of each type, and what findings point to. */
  traces: JobTrace[];
  timeline: Timeline;
  /** CPU time by function, cut by job type; absent without profiles. */
  flames?: Flame[];
  /** Client's view; absent when no load was recorded with the run. */
  load?: LoadSummary;
  /** Whether the figures agree with each other. */
  laws?: Law[];
  /** What observing cost. */
  tax: Tax;
  notMeasured: NotMeasured[];
}

/** Whether the run went as it should, and what it was asked for holds. */
export interface Outcome {
  /** "failed": a part of the stack has died, jobs failed or were refused, or a threshold is broken. */
  outcome: "passed" | "failed" | "nothing can be said";
  reasons: string[];
}

export interface ReportedRun {
  id: string;
  /** ISO 8601. */
  start: string;
  end: string;
  gitRevision: string;
  /** "node 20.20.2" */
  runtime: string;
  stack: string;
  /** What kept the jobs, and what a job costs in it at least. */
  store: string;
  machine: string;
  /** Why the run is not whole, as "ended by Ctrl-C". */
  cutOff?: string;
  /** Parts of the stack that ended during the run without being asked, as "the worker has ended with SIGKILL". */
  ended?: string[];
  /** Limits of the worker, a row each; absent when it had none. */
  limits?: { name: string; asked: string; enforcedBy: string }[];
}

/** One statement about what limits the jobs. */
export interface Finding {
  /** As "blocked-by-neighbours"; docs/verdicts.md has them all. */
  rule: string;
  title: string;
  /** How sure, and why not more. */
  detail: string;
  /** Jobs or points that it rests on. */
  samples: number;
  /** Time that it explains, ms over all jobs: the order of the findings. */
  explainsMs: number;
  figures: { name: string; value: number; unit: string }[];
  evidence: Evidence[];
  /** What to do next, one sentence. */
  action: string;
  gain: Gain;
}

export type Evidence =
  | { kind: "span"; traceId: string; spanId: string; name: string; ms: number }
  | { kind: "function"; name: string; file: string; line: number; cpuMs: number; share: number }
  | { kind: "metric"; name: string; value: number; unit: string };

/** What the action would bring. */
export type Gain =
  | {
      predicted: true;
      what: "throughput" | "p95";
      /** As 0.5: half as much again, or half of it less. */
      ratio: number;
      formula: string;
    }
  | { predicted: false; reason: string };

/** Parts of a job's time, in the order in which they are drawn. docs/ledger.md defines them. */
export const PARTS = ["wait", "cpu", "gc", "throttled", "blocked", "overlapped", "idle", "unexplained"] as const;
export type Part = (typeof PARTS)[number];
export type Parts = Partial<Record<Part, number>>;

export interface JobType {
  /** The job's name, with its queue when two queues have jobs of that name. */
  name: string;
  queue: string;
  /** Attempts that ended. */
  count: number;
  failed: number;
  /** Attempts beyond the first of a job. */
  retries: number;
  /** Of an attempt, enqueue to end. */
  total: Percentiles;
  parts: Partial<Record<Part | "run", Percentiles>>;
  /** Of cpu, gc and throttled, what the thread had a CPU for: the same however busy the machine is. Absent where nobody looked. */
  cpuTime?: Percentiles;
  /** Of the job span, what is not run: the queue store's round trips. Absent where the run is not known. */
  store?: Percentiles;
  /** Where the time of the attempts around a percentile went, the mean of each part: what a stacked bar shows. */
  bars: { label: "p50" | "p95" | "p99"; samples: number; parts: Parts }[];
  /** The spans on the longest chain of the attempts around a percentile, by the time on it. */
  criticalPath: { label: "p50" | "p95" | "p99"; steps: { name: string; ms: number; share: number }[] }[];
  /** Own time of spans inside its jobs, the most first: without that of their children. */
  spans: { name: string; count: number; perJob: number; selfMs: number; cpuMs?: number }[];
  /** Calls to others: HTTP, databases. */
  downstream: { name: string; count: number; perJob: number; p50: number; p95: number; failed: number }[];
  /** Siblings of one name under one parent, as of a query in a loop. */
  repeated: { name: string; perJob: number; msPerJob: number; samples: number }[];
  /** The functions with the most CPU time of their own, from the profiles. */
  functions?: { name: string; file: string; line: number; selfMs: number; totalMs: number; share: number }[];
}

/** One job with all spans of its trace, for a waterfall. */
export interface JobTrace {
  traceId: string;
  /** The job span. */
  spanId: string;
  job: string;
  /** Why it is shown, as "slowest of mail". */
  why: string;
  totalMs: number;
  parts: Parts;
  spans: {
    spanId: string;
    parentSpanId: string;
    name: string;
    service: string;
    kind: number;
    /** From the beginning of the trace. */
    startMs: number;
    durationMs: number;
    cpuMs?: number;
    failed: boolean;
  }[];
}

/** What the worker did over time; `t` is ms since the run began. `null`: not measured then. */
export interface Timeline {
  durationMs: number;
  series: {
    name: string;
    unit: string;
    /** Drawn as a line across. */
    limit?: number;
    t: number[];
    values: (number | null)[];
  }[];
  /** Jobs by the order of their beginning, on as few lanes as they need; no more than can be drawn. */
  lanes: { lane: number; job: string; spanId: string; startMs: number; endMs: number; failed: boolean }[];
  /** Jobs that are not drawn. */
  omitted: number;
}

/** A tree of functions, of one job type or of what belongs to no job. */
export interface Flame {
  job: string;
  /** `total` and `self` are CPU ms. */
  root: FlameNode;
}

export interface FlameNode {
  name: string;
  file: string;
  line: number;
  totalMs: number;
  selfMs: number;
  children: FlameNode[];
}

export interface Tax {
  /** CPU us a job that observing cost. */
  cpuUsPerJob?: number;
  /** Of the worker's CPU time. */
  share?: number;
  /** How it was estimated, or why it was not. */
  how: string;
}

/** A figure that follows from others, beside its measurement. */
export interface Law {
  /** As "Little's law". */
  name: string;
  formula: string;
  expected: number;
  measured: number;
  unit: string;
  /** Within what is said in docs/verdicts.md. */
  agrees: boolean;
}

export interface NotMeasured {
  what: string;
  reason: string;
}
