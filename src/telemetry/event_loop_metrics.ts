import { type IntervalHistogram, monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import type { Meter } from "@opentelemetry/api";
import * as names from "./attributes.ts";

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
  const histogram = monitorEventLoopDelay({ resolution: names.EVENT_LOOP_DELAY_RESOLUTION_MS });
  histogram.enable();
  let last = performance.eventLoopUtilization();
  meter.addBatchObservableCallback(
    async (result) => {
      // A block that has just ended is seen by the histogram's own timer, which is due before this one; a reset before
      // that would lose it.
      await setTimeout(1);
      const now = performance.eventLoopUtilization();
      const since = performance.eventLoopUtilization(now, last);
      last = now;
      if (since.active + since.idle > 0) result.observe(utilization, since.utilization);
      result.observe(time, now.active / 1e3, { [names.EVENT_LOOP_STATE]: "active" });
      result.observe(time, now.idle / 1e3, { [names.EVENT_LOOP_STATE]: "idle" });
      if (histogram.count === 0) return; // two collections at once
      for (const { gauge, readNs } of delays) result.observe(gauge, readNs(histogram) / 1e9);
      histogram.reset();
    },
    [utilization, time, ...delays.map(({ gauge }) => gauge)],
  );
  return () => void histogram.disable();
}

const readDelay: Record<string, (histogram: IntervalHistogram) => number> = {
  [names.EVENT_LOOP_DELAY_MIN]: ({ min }) => min,
  [names.EVENT_LOOP_DELAY_MAX]: ({ max }) => max,
  [names.EVENT_LOOP_DELAY_MEAN]: ({ mean }) => mean,
  [names.EVENT_LOOP_DELAY_STDDEV]: ({ stddev }) => stddev,
  [names.EVENT_LOOP_DELAY_P50]: (histogram) => histogram.percentile(50),
  [names.EVENT_LOOP_DELAY_P90]: (histogram) => histogram.percentile(90),
  [names.EVENT_LOOP_DELAY_P99]: (histogram) => histogram.percentile(99),
};
