import { getNumberFromEnv } from "@opentelemetry/core";

/** What the specification says of a batch processor's queue, and its defaults. */
export interface QueueLimits {
  delayMs: number;
  exportTimeoutMs: number;
  queueSize: number;
  batchSize: number;
}

/** @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor */
export function readQueueLimits(): QueueLimits {
  const queueSize = getNumberFromEnv("OTEL_BSP_MAX_QUEUE_SIZE") ?? 2_048;
  return {
    delayMs: getNumberFromEnv("OTEL_BSP_SCHEDULE_DELAY") ?? 5_000,
    exportTimeoutMs: getNumberFromEnv("OTEL_BSP_EXPORT_TIMEOUT") ?? 30_000,
    queueSize,
    batchSize: Math.min(getNumberFromEnv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") ?? 512, queueSize),
  };
}
