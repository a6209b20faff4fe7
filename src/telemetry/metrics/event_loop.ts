import { createHistogram, performance, type RecordableHistogram } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";
import * as names from "../names.ts";

/**
 * Reports utilisation and delay of the event loop, each since the last collection; returns what ends it.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/
 */
export function observeEventLoop(meter: Meter): () => void {
  // Deno 2.9 has both functions and answers 0 to one and some microseconds to the other, whatever the loop does.
  if ("Deno" in globalThis) return () => {};
  const utilization = meter.createObservableGauge(names.EVENT_LOOP_UTILIZATION, { unit: "1" });
  const time = meter.createObservableCounter(names.EVENT_LOOP_TIME, { unit: "s" });
  const delays = Object.entries(readDelay).map(([name, readNs]) => {
    return { gauge: meter.createObservableGauge(name, { unit: "s" }), readNs };
  });
  const looks = lookAtLoop();
  let last = performance.eventLoopUtilization();
  meter.addBatchObservableCallback(
    (result) => {
      const now = performance.eventLoopUtilization();
      const since = performance.eventLoopUtilization(now, last);
      last = now;
      if (since.active + since.idle > 0) result.observe(utilization, since.utilization);
      result.observe(time, now.active / 1e3, { [names.EVENT_LOOP_STATE]: "active" });
      result.observe(time, now.idle / 1e3, { [names.EVENT_LOOP_STATE]: "idle" });
      looks.take((histogram) => {
        for (const { gauge, readNs } of delays) result.observe(gauge, readNs(histogram) / 1e9);
      });
    },
    [utilization, time, ...delays.map(({ gauge }) => gauge)],
  );
  return () => looks.end();
}

/**
 * Looks at the event loop every 20 ms: the time from one look to the next, as `monitorEventLoopDelay()` has it. That one
 * cannot be used for intervals: its `reset()` forgets the last look, and with it any block up to the next one.
 */
function lookAtLoop() {
  const histogram = createHistogram();
  let lookedMs = performance.now();
  const look = () => {
    const nowMs = performance.now();
    histogram.record(Math.round((nowMs - lookedMs) * 1e6));
    lookedMs = nowMs;
  };
  const timer = setInterval(look, names.EVENT_LOOP_DELAY_RESOLUTION_MS).unref();
  let isEnded = false;
  return {
    /** Shows what was seen since the last time; nothing when there was no look. */
    take(read: (histogram: RecordableHistogram) => void): void {
      // A block that has just ended is in this interval; the timer that is due comes behind it.
      if (!isEnded && performance.now() - lookedMs >= names.EVENT_LOOP_DELAY_RESOLUTION_MS) look();
      if (histogram.count > 0) read(histogram);
      histogram.reset();
    },
    end(): void {
      isEnded = true;
      clearInterval(timer);
    },
  };
}

const readDelay: Record<string, (histogram: RecordableHistogram) => number> = {
  [names.EVENT_LOOP_DELAY_MIN]: ({ min }) => min,
  [names.EVENT_LOOP_DELAY_MAX]: ({ max }) => max,
  [names.EVENT_LOOP_DELAY_MEAN]: ({ mean }) => mean,
  [names.EVENT_LOOP_DELAY_STDDEV]: ({ stddev }) => stddev,
  [names.EVENT_LOOP_DELAY_P50]: (histogram) => histogram.percentile(50),
  [names.EVENT_LOOP_DELAY_P90]: (histogram) => histogram.percentile(90),
  [names.EVENT_LOOP_DELAY_P99]: (histogram) => histogram.percentile(99),
};
