import type { Meter, ObservableCallback } from "@opentelemetry/api";
import {
  COMPONENT_NAME,
  COMPONENT_TYPE,
  ERROR_TYPE,
  SPAN_PROCESSED,
  SPAN_QUEUE_CAPACITY,
  SPAN_QUEUE_SIZE,
} from "../names.ts";

/** What became of the spans of a batching processor. */
export interface QueueMetrics {
  /** So many spans are done with: sent, or lost for a reason. */
  count(spans: number, errorType: string | undefined): void;
  end(): void;
}

/** @see https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#span-metrics */
export function countQueue(meter: Meter, capacity: number, size: () => number): QueueMetrics {
  const component = {
    [COMPONENT_TYPE]: "batching_span_processor",
    [COMPONENT_NAME]: "batching_span_processor/0",
  };
  const processed = meter.createCounter(SPAN_PROCESSED, {
    unit: "{span}",
    description: "The number of spans for which the processing has finished, either successful or failed.",
  });
  meter
    .createUpDownCounter(SPAN_QUEUE_CAPACITY, { unit: "{span}", description: "How many spans the queue can hold." })
    .add(capacity, component);
  const queue = meter.createObservableUpDownCounter(SPAN_QUEUE_SIZE, {
    unit: "{span}",
    description: "How many spans the queue holds.",
  });
  const observe: ObservableCallback = (result) => result.observe(size(), component);
  queue.addCallback(observe);
  return {
    count: (spans, errorType) =>
      processed.add(spans, errorType ? { ...component, [ERROR_TYPE]: errorType } : component),
    end: () => queue.removeCallback(observe),
  };
}
