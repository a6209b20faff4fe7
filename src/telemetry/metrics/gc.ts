import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import type { Meter } from "@opentelemetry/api";
import { GC_DURATION, GC_TYPE } from "../names.ts";

/**
 * Reports how long each garbage collection took, by kind; returns what ends it. A runtime that tells of none, as Deno,
 * has no data points.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/runtime/v8js-metrics/#metric-v8jsgcduration
 */
export function observeGc(meter: Meter): () => void {
  const duration = meter.createHistogram(GC_DURATION, {
    unit: "s",
    advice: { explicitBucketBoundaries: [0.01, 0.1, 1, 10] },
  });
  const record = (entries: PerformanceEntry[]) => {
    for (const entry of entries) {
      const { kind } = (entry as GcEntry).detail;
      const type = types.get(kind);
      if (type) duration.record(entry.duration / 1e3, { [GC_TYPE]: type });
    }
  };
  const observer = new PerformanceObserver((list) => record(list.getEntries()));
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}

/** An entry of type "gc"; the types of Node 20 leave `detail` out. */
type GcEntry = PerformanceEntry & { detail: { kind: number } };

const types = new Map<number, string>([
  [constants.NODE_PERFORMANCE_GC_MAJOR, "major"],
  [constants.NODE_PERFORMANCE_GC_MINOR, "minor"],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, "incremental"],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, "weakcb"],
]);
