// The contract between what observes and what judges: every span attribute, resource attribute, metric and event name.

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
/** How many jobs a call has added, those that are the same one counted once; how many it was to add where it failed. */
export const MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";
/** Ours. The ids of the jobs that were added together. */
export const BATCH_MESSAGE_IDS = "prodlike.batch.message_ids";

/** @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
export const ERROR_TYPE = "error.type";

/** BullMQ's own names (its `TelemetryAttributes`). */
export const BULLMQ_JOB_NAME = "bullmq.job.name";
/** Attempts that have ended, this one included. */
export const BULLMQ_JOB_ATTEMPTS_MADE = "bullmq.job.attempts.made";

/** Ours. Enqueue to start, less the intended delay, ms; for a retry from its re-queueing; absent where that is not known. */
export const JOB_WAIT_MS = "prodlike.job.wait_ms";
/** Ours. Whether no further attempt of this job follows: it has completed, or failed for good. */
export const JOB_FINAL = "prodlike.job.final";
/** Ours. True: the worker could not renew the lock of this job, which is run again, here or elsewhere. */
export const JOB_LOCK_LOST = "prodlike.job.lock_lost";
/** Ours, the ledger (docs/ledger.md), ms: the parts of an attempt, and the main thread's time of a span. */
export const JOB_RUN_MS = "prodlike.job.run_ms";
export const JOB_CPU_MS = "prodlike.job.cpu_ms";
export const JOB_GC_MS = "prodlike.job.gc_ms";
export const JOB_THROTTLED_MS = "prodlike.job.throttled_ms";
/** Ours. Of cpu, gc and throttled: how long the thread had no CPU, ms; absent where nobody looked. */
export const JOB_OFF_CPU_MS = "prodlike.job.off_cpu_ms";
export const JOB_BLOCKED_MS = "prodlike.job.blocked_ms";
export const JOB_BLOCKED_MAX_MS = "prodlike.job.blocked_max_ms";
export const JOB_OVERLAPPED_MS = "prodlike.job.overlapped_ms";
export const JOB_IDLE_MS = "prodlike.job.idle_ms";
export const JOB_UNEXPLAINED_MS = "prodlike.job.unexplained_ms";
export const SPAN_CPU_MS = "prodlike.span.cpu_ms";

/** Metrics of the SDK about itself. @see https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/ */
export const SPAN_STARTED = "otel.sdk.span.started";
export const SPAN_SAMPLING_RESULT = "otel.span.sampling_result";
/** Spans that are done with, one way (no `error.type`) or the other. */
export const SPAN_PROCESSED = "otel.sdk.processor.span.processed";
export const SPAN_QUEUE_SIZE = "otel.sdk.processor.span.queue.size";
export const SPAN_QUEUE_CAPACITY = "otel.sdk.processor.span.queue.capacity";
export const COMPONENT_TYPE = "otel.component.type";
export const COMPONENT_NAME = "otel.component.name";
export const SPAN_EXPORTED = "otel.sdk.exporter.span.exported";

/** Metrics of the event loop. @see https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/ */
export const EVENT_LOOP_UTILIZATION = "nodejs.eventloop.utilization";
/** Seconds since the loop began, by `nodejs.eventloop.state`: "active" or "idle". */
export const EVENT_LOOP_TIME = "nodejs.eventloop.time";
export const EVENT_LOOP_STATE = "nodejs.eventloop.state";
/** Time between two looks of a timer, so a loop with nothing to do reads `EVENT_LOOP_DELAY_RESOLUTION_MS`. */
export const EVENT_LOOP_DELAY_MIN = "nodejs.eventloop.delay.min";
export const EVENT_LOOP_DELAY_MAX = "nodejs.eventloop.delay.max";
export const EVENT_LOOP_DELAY_MEAN = "nodejs.eventloop.delay.mean";
export const EVENT_LOOP_DELAY_STDDEV = "nodejs.eventloop.delay.stddev";
export const EVENT_LOOP_DELAY_P50 = "nodejs.eventloop.delay.p50";
export const EVENT_LOOP_DELAY_P90 = "nodejs.eventloop.delay.p90";
export const EVENT_LOOP_DELAY_P99 = "nodejs.eventloop.delay.p99";
export const EVENT_LOOP_DELAY_RESOLUTION_MS = 20;

/** Metrics of V8. @see https://opentelemetry.io/docs/specs/semconv/runtime/v8js-metrics/ */
export const GC_DURATION = "v8js.gc.duration";
/** "major", "minor", "incremental" or "weakcb". */
export const GC_TYPE = "v8js.gc.type";
/** Its former name was `v8js.memory.heap.limit`. */
export const HEAP_SPACE_SIZE = "v8js.memory.heap.space.size";
export const HEAP_SPACE_USED = "v8js.memory.heap.used";
export const HEAP_SPACE_AVAILABLE_SIZE = "v8js.memory.heap.space.available_size";
export const HEAP_SPACE_PHYSICAL_SIZE = "v8js.memory.heap.space.physical_size";
export const HEAP_SPACE_NAME = "v8js.heap.space.name";
/** Ours. Beyond it V8 ends the process. */
export const HEAP_LIMIT = "prodlike.heap.limit";
/** Ours. Memory outside of the heap that belongs to objects in it; array buffers are a part of it. */
export const MEMORY_EXTERNAL = "prodlike.memory.external";
export const MEMORY_ARRAY_BUFFERS = "prodlike.memory.array_buffers";

/** Metrics of the process. @see https://opentelemetry.io/docs/specs/semconv/system/process-metrics/ */
export const PROCESS_MEMORY_USAGE = "process.memory.usage";
/** Seconds, by `cpu.mode`: "user" or "system". */
export const PROCESS_CPU_TIME = "process.cpu.time";
export const CPU_MODE = "cpu.mode";
/** Seconds of wall time, measured together with the CPU times. */
export const PROCESS_UPTIME = "process.uptime";
/** Ours. Seconds that the thread which runs JavaScript had a CPU. */
export const MAIN_THREAD_CPU_TIME = "prodlike.main_thread.cpu.time";

/** Metrics of the process's cgroup. @see https://opentelemetry.io/docs/specs/semconv/system/container-metrics/ */
export const CONTAINER_CPU_TIME = "container.cpu.time";
export const CONTAINER_MEMORY_USAGE = "container.memory.usage";
export const CONTAINER_MEMORY_WORKING_SET = "container.memory.working_set";
/** Ours. Periods of its CPU quota: all, those in which it was throttled, and for how many seconds of its threads. */
export const CGROUP_CPU_LIMIT = "prodlike.cgroup.cpu.limit";
export const CGROUP_CPU_PERIODS = "prodlike.cgroup.cpu.periods";
export const CGROUP_CPU_THROTTLED_PERIODS = "prodlike.cgroup.cpu.throttled_periods";
export const CGROUP_CPU_THROTTLED_TIME = "prodlike.cgroup.cpu.throttled_time";
export const CGROUP_MEMORY_LIMIT = "prodlike.cgroup.memory.limit";
export const CGROUP_MEMORY_PEAK = "prodlike.cgroup.memory.peak";
/** Ours. Processes of it that the kernel killed for want of memory. */
export const CGROUP_OOM_KILLS = "prodlike.cgroup.memory.oom_kills";

/** Ours. Jobs that this process runs at the moment. */
export const ACTIVE_JOBS = "prodlike.worker.active_jobs";

/** Ours. What a BullMQ worker is set to, one series a queue (`messaging.destination.name`): jobs at once, s, s. */
export const WORKER_CONCURRENCY = "prodlike.worker.concurrency";
export const WORKER_LOCK_DURATION = "prodlike.worker.lock.duration";
export const WORKER_LOCK_RENEW_TIME = "prodlike.worker.lock.renew_time";
/** Ours. Locks of running jobs that it could not renew, since it began; a series a queue. */
export const WORKER_LOCKS_LOST = "prodlike.worker.locks_lost";
/** Ours. 1 from the moment at which it can take jobs, 0 before; a series a queue. */
export const WORKER_READY = "prodlike.worker.ready";

/** Resource attributes. @see https://opentelemetry.io/docs/specs/semconv/resource/ */
export const HOST_NAME = "host.name";
export const PROCESS_PID = "process.pid";
export const PROCESS_RUNTIME_NAME = "process.runtime.name";
export const PROCESS_RUNTIME_VERSION = "process.runtime.version";
/** Resource attribute: the program that the process runs, a path. @see https://opentelemetry.io/docs/specs/semconv/resource/process/ */
export const PROCESS_COMMAND = "process.command";
/** Ours. Resource attribute: which start of a part of the local stack the process belongs to; random. */
export const PART_ID = "prodlike.part.id";

/** Ours. What the file name of a profile's function begins with when the code is ours, not the application's. */
export const OWN_CODE = "prodlike:";
