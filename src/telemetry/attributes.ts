// Names of span attributes and metrics, shared by what writes them and by what reads them.

/** Messaging spans. @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ */
export const MESSAGING_SYSTEM = "messaging.system";
export const MESSAGING_DESTINATION_NAME = "messaging.destination.name";
export const MESSAGING_OPERATION_NAME = "messaging.operation.name";
/** "send" on the producer span, "process" on the job span. */
export const MESSAGING_OPERATION_TYPE = "messaging.operation.type";
/** The job's id. */
export const MESSAGING_MESSAGE_ID = "messaging.message.id";
/** The id of the BullMQ worker that runs the job. */
export const MESSAGING_CLIENT_ID = "messaging.client.id";
export const MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export const ERROR_TYPE = "error.type";

/** BullMQ's own names (its `TelemetryAttributes`). */
export const BULLMQ_JOB_NAME = "bullmq.job.name";
/** Attempts that have ended, this one included. */
export const BULLMQ_JOB_ATTEMPTS_MADE = "bullmq.job.attempts.made";

/** Ours. Enqueue to start, less the intended delay, ms; absent for a retry, whose re-queueing is not known. */
export const JOB_WAIT_MS = "prodlike.job.wait_ms";

/** Metrics of the SDK about itself. @see https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/ */
export const SPAN_STARTED = "otel.sdk.span.started";
/** Spans that are done with, one way (no `error.type`) or the other. */
export const SPAN_PROCESSED = "otel.sdk.processor.span.processed";
export const SPAN_QUEUE_CAPACITY = "otel.sdk.processor.span.queue.capacity";
export const SPAN_EXPORTED = "otel.sdk.exporter.span.exported";
