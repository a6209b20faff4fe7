import type { AnalysisInput } from "../src/analysis/analyze.ts";
import { seededRandom } from "../src/analysis/random.ts";
import type { Parts } from "../src/analysis/report.ts";
import { type RunDescription, readDescription } from "../src/analysis/run_description.ts";
import type { ProfileSample } from "../src/otlp/profile_sample.ts";
import type { Point } from "../src/otlp/read_points.ts";
import { type Attributes, type Span, SpanKind } from "../src/otlp/types.ts";
import * as names from "../src/telemetry/names.ts";

/** When constructed runs begin, Unix time. */
export const BEGIN_MS = 1.8e12;

/** A child span of a job; `at` is ms after the job's start. */
export interface TestChild {
  name: string;
  at: number;
  ms: number;
  kind?: Span["kind"];
  attributes?: Attributes;
}

/** Jobs of one type; times in ms. */
export interface TestJobs {
  name: string;
  count: number;
  /** Between the starts of two jobs. */
  everyMs: number;
  /** The ledger, the same for each job but for some per cent at random. */
  parts: Parts;
  /** Of the job span beside its run. @default {3} */
  storeMs?: number;
  /** How long its thread had no CPU. */
  offCpuMs?: number;
  requestMs?: number;
  enqueueMs?: number;
  children?: TestChild[];
  /** Every so manieth attempt fails, and the next is another attempt of the same job. */
  failEvery?: number;
  withLedger?: boolean;
}

export interface TestRun {
  jobs: TestJobs[];
  concurrency?: number;
  /** Runtime metrics, once a second while jobs run. */
  metrics?: Record<string, number | ((second: number) => number)>;
  /** Share of the time in which the thread is busy. */
  busy?: number;
  samples?: ProfileSample[];
  load?: AnalysisInput["load"];
}

/** A run as the analysis reads it. */
export function testRun({
  jobs,
  concurrency = 4,
  metrics = {},
  busy,
  samples = [],
  load,
}: TestRun): AnalysisInput & { description: RunDescription } {
  const spans = jobs.flatMap((each, type) => spansOf(each, type));
  const endMs = Math.max(...spans.map(({ endNs }) => Number(endNs) / 1e6));
  const points: Point[] = [];
  for (let second = 0; BEGIN_MS + second * 1e3 <= endMs + 1e3; second++) {
    const point = (metric: string, value: number, attributes: Attributes = {}) => {
      const timeNs = BigInt(BEGIN_MS + second * 1e3) * 1_000_000n;
      points.push({ metric, value, timeNs, startNs: 0n, attributes, service: "worker", resource: WORKER });
    };
    for (const [metric, value] of Object.entries(metrics)) {
      const attributes = metric === names.GC_DURATION ? { [names.GC_TYPE]: "major" } : {};
      point(metric, typeof value === "number" ? value : value(second), attributes);
    }
    if (busy === undefined) continue;
    point(names.EVENT_LOOP_TIME, busy * second, { [names.EVENT_LOOP_STATE]: "active" });
    point(names.EVENT_LOOP_TIME, (1 - busy) * second, { [names.EVENT_LOOP_STATE]: "idle" });
  }
  const start = new Date(BEGIN_MS).toISOString();
  return {
    ...{ spans, points, samples },
    description: readDescription({ id: "test", start, worker: { concurrency }, services: { worker: "worker" } }),
    ...(load ? { load } : {}),
  };
}

const WORKER: Attributes = { "service.name": "worker", "service.instance.id": "worker-1" };

function spansOf(jobs: TestJobs, type: number): Span[] {
  const random = seededRandom(type + 1);
  return Array.from({ length: jobs.count }, (_, index) => {
    const scale = 0.97 + 0.06 * random();
    const parts = Object.fromEntries(Object.entries(jobs.parts).map(([part, ms]) => [part, ms * scale])) as Parts;
    return jobSpans(jobs, { index, type, parts });
  }).flat();
}

function jobSpans(jobs: TestJobs, { index, type, parts }: { index: number; type: number; parts: Parts }): Span[] {
  const {
    name,
    everyMs,
    storeMs = 3,
    requestMs = 8,
    enqueueMs = 3,
    children = [],
    failEvery,
    withLedger = true,
  } = jobs;
  const traceId = `${type}${String(index).padStart(31, "0")}`;
  const id = (suffix: string) => `${traceId.slice(-10)}${type}${suffix}`;
  const { wait = 0, ...inRun } = parts;
  const runMs = Object.values(inRun).reduce((sum, ms) => sum + ms, 0);
  const startMs = BEGIN_MS + 100 + index * everyMs;
  const enqueuedMs = startMs - wait;
  const isFailed = failEvery !== undefined && index % failEvery === failEvery - 1;
  const isRetry = failEvery !== undefined && index > 0 && index % failEvery === 0;
  const queue = {
    [names.MESSAGING_SYSTEM]: "bullmq",
    [names.MESSAGING_DESTINATION_NAME]: "work",
    [names.BULLMQ_JOB_NAME]: name,
  };
  const ledger = Object.fromEntries(Object.entries(inRun).map(([part, ms]) => [`prodlike.job.${part}_ms`, ms]));
  const make = (spanId: string, parentSpanId: string, span: Partial<Span> & { from: number; ms: number }) =>
    testSpan({ traceId, spanId: id(spanId), parentSpanId: parentSpanId && id(parentSpanId), ...span });
  return [
    make("e", "s", {
      name: "add work",
      kind: SpanKind.PRODUCER,
      from: enqueuedMs - enqueueMs,
      ms: enqueueMs,
      attributes: queue,
    }),
    make("s", "", { name: "POST /jobs", kind: SpanKind.SERVER, from: enqueuedMs - requestMs, ms: requestMs }),
    ...children.map((child, place) =>
      make(`c${place}`, "j", {
        ...{ name: child.name, kind: child.kind ?? SpanKind.INTERNAL, service: "worker", resource: WORKER },
        ...{ from: startMs + child.at, ms: child.ms, attributes: child.attributes ?? {} },
      }),
    ),
    make("j", "e", {
      ...{ name: "process work", kind: SpanKind.CONSUMER, from: startMs, ms: runMs + storeMs },
      ...{ service: "worker", resource: WORKER },
      status: { code: isFailed ? 2 : 0, message: "" },
      attributes: {
        ...{ ...queue, [names.MESSAGING_OPERATION_TYPE]: "process", [names.BULLMQ_JOB_ATTEMPTS_MADE]: isRetry ? 2 : 1 },
        ...(withLedger
          ? {
              ...ledger,
              ...(jobs.offCpuMs === undefined ? {} : { [names.JOB_OFF_CPU_MS]: jobs.offCpuMs }),
              [names.JOB_RUN_MS]: runMs,
              [names.JOB_WAIT_MS]: wait,
              [names.SPAN_CPU_MS]: parts.cpu ?? 0,
            }
          : {}),
      },
    }),
  ];
}

/** A span; `from` is Unix time in ms. */
export function testSpan({ from, ms, ...span }: Partial<Span> & { from: number; ms: number }): Span {
  const startNs = BigInt(Math.round(from * 1e3)) * 1_000n;
  return {
    ...{ traceId: "t", spanId: "s", parentSpanId: "", name: "span", kind: SpanKind.INTERNAL },
    ...{ startNs, endNs: startNs + BigInt(Math.round(ms * 1e3)) * 1_000n, attributes: {}, events: [], links: [] },
    ...{ status: { code: 0, message: "" }, service: "api", resource: { "service.name": "api" }, scope: "test" },
    ...span,
  };
}

/** Samples of a profile, 10 ms each: the functions from the outermost to the innermost. */
export function testSamples(job: string, stacks: [number, ...string[]][]): ProfileSample[] {
  return stacks.map(([ms, ...functions]) => ({
    ...{ values: { cpu: ms * 1e6, wall: ms * 1e6, sample: 1 }, labels: { job } },
    stack: functions.map((name, at) => ({ name, file: `/app/src/${job}.ts`, line: 10 * (at + 1) })).reverse(),
  }));
}
