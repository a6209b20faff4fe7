import type { Point } from "../src/otlp/read_points.ts";
import { type Span, SpanKind } from "../src/otlp/types.ts";
import * as names from "../src/telemetry/names.ts";
import { BEGIN_MS, testSpan } from "./example_run.ts";

/** The queue store's part of a job span. */
export const STORE_MS = 3;

/** When an attempt was on the thread, waited or called, on the worker's clock. */
export interface AttemptTimes {
  type: string;
  number: number;
  fails: boolean;
  enqueuedMs: number;
  startMs: number;
  endMs: number;
  cpuMs: number;
  gcMs: number;
  throttledMs: number;
  blockedMs: number;
  calls: { fromMs: number; ms: number }[];
}

/** The spans and metrics that a worker would have sent for what it did. */
export function telemetryOf(
  attempts: AttemptTimes[],
  { busy, untilMs }: { busy: [number, number][]; untilMs: number },
) {
  const busyBy = busyUntil(busy);
  const resource = { "service.name": "worker", "service.instance.id": "worker-1" };
  const points: Point[] = [];
  for (let ms = 0; ms < untilMs + 1_000; ms += 1_000) {
    const reading = { timeNs: BigInt(BEGIN_MS + ms) * 1_000_000n, startNs: 0n, service: "worker", resource };
    const active = busyBy(ms) / 1e3;
    for (const [state, value] of Object.entries({ active, idle: ms / 1e3 - active })) {
      points.push({
        ...reading,
        metric: names.EVENT_LOOP_TIME,
        value,
        attributes: { [names.EVENT_LOOP_STATE]: state },
      });
    }
    const blocks = busy.filter(([, until]) => until > ms - 1_000 && until <= ms).map(([from, until]) => until - from);
    const value = (Math.max(0, ...blocks) + names.EVENT_LOOP_DELAY_RESOLUTION_MS) / 1e3;
    points.push({ ...reading, metric: names.EVENT_LOOP_DELAY_MAX, value, attributes: {} });
  }
  const spans = attempts.flatMap((attempt, index): Span[] => {
    const { type, number, fails, startMs, endMs, enqueuedMs, cpuMs, gcMs, throttledMs, blockedMs, calls } = attempt;
    const traceId = String(index + 1).padStart(32, "0");
    const common = { traceId, service: "worker", resource };
    const runMs = endMs - startMs;
    const ownMs = cpuMs + gcMs + throttledMs;
    const othersMs = busyBy(endMs) - busyBy(startMs) - ownMs;
    const parts = {
      wait: startMs - enqueuedMs,
      run: runMs,
      cpu: cpuMs,
      gc: gcMs,
      throttled: throttledMs,
      blocked: blockedMs,
    };
    const rest = { overlapped: othersMs - blockedMs, idle: runMs - ownMs - othersMs, unexplained: 0 };
    const call = { "http.request.method": "GET", "server.address": "shop.example", [names.SPAN_CPU_MS]: 0 };
    return [
      ...calls.map(({ fromMs, ms }, place) =>
        testSpan({
          ...common,
          spanId: `${index}c${place}`,
          parentSpanId: `${index}`,
          name: "GET",
          kind: SpanKind.CLIENT,
          from: BEGIN_MS + fromMs,
          ms,
          attributes: call,
        }),
      ),
      testSpan({
        ...{
          ...common,
          spanId: `${index}`,
          name: "process work",
          kind: SpanKind.CONSUMER,
          from: BEGIN_MS + startMs,
          ms: runMs + STORE_MS,
        },
        status: { code: fails ? 2 : 0, message: "" },
        attributes: {
          ...{
            [names.MESSAGING_OPERATION_TYPE]: "process",
            [names.BULLMQ_JOB_NAME]: type,
            [names.BULLMQ_JOB_ATTEMPTS_MADE]: number,
          },
          ...Object.fromEntries(
            Object.entries({ ...parts, ...rest }).map(([part, ms]) => [`prodlike.job.${part}_ms`, ms]),
          ),
          [names.SPAN_CPU_MS]: cpuMs,
        },
      }),
    ];
  });
  return { spans, points };
}

/** How long the thread was busy until a moment, of turns in their order. */
function busyUntil(turns: [number, number][]): (ms: number) => number {
  const sums = [0];
  for (const [from, until] of turns) sums.push(sums.at(-1)! + until - from);
  return (ms) => {
    let [low, high] = [0, turns.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (turns[middle]![1] <= ms) low = middle + 1;
      else high = middle;
    }
    return sums[low]! + Math.max(0, ms - (turns[low]?.[0] ?? Number.POSITIVE_INFINITY));
  };
}
