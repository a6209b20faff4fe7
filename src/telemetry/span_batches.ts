import {
  context,
  diag,
  type Meter,
  type MeterProvider,
  type ObservableCallback,
  ROOT_CONTEXT,
  TraceFlags,
} from "@opentelemetry/api";
import { ExportResultCode, getNumberFromEnv, suppressTracing } from "@opentelemetry/core";
import type { IOtlpExportDelegate } from "@opentelemetry/otlp-exporter-base";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { ERROR_TYPE, SPAN_PROCESSED, SPAN_QUEUE_CAPACITY, SPAN_QUEUE_SIZE } from "./attributes.ts";
import { EncodedSpans } from "./otlp_protobuf.ts";

/** An `ExportTraceServiceRequest` with so many spans. */
export interface EncodedBatch {
  bytes: Uint8Array;
  length: number;
}

/** What the specification says of a batch processor's queue, and its defaults. */
interface Limits {
  delayMs: number;
  exportTimeoutMs: number;
  queueSize: number;
  batchSize: number;
}

/**
 * The specification's batching processor, whose queue holds encoded spans: the SDK's own keeps the objects, and a
 * saturated worker then spends as much on moving them about in memory as on sending them. Settings and metrics are those
 * of the SDK's. Exports and timers belong to no span, whichever span's end they follow.
 *
 * @see https://opentelemetry.io/docs/specs/otel/trace/sdk/#batching-processor
 */
export class BatchingSpanProcessor implements SpanProcessor {
  readonly #send: IOtlpExportDelegate<EncodedBatch>;
  readonly #limits = readLimits();
  readonly #metrics: QueueMetrics;
  readonly #spans = new EncodedSpans();
  /** Full batches that wait for their turn. */
  #waiting: EncodedBatch[] = [];
  /** Spans in them. */
  #waitingSpans = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #isExporting = false;
  #shutdown: Promise<void> | undefined;

  constructor(send: IOtlpExportDelegate<EncodedBatch>, metrics: MeterProvider) {
    this.#send = send;
    this.#metrics = countQueue(
      metrics.getMeter("@opentelemetry/sdk-trace"),
      this.#limits.queueSize,
      () => this.#queued,
    );
  }

  get #queued(): number {
    return this.#waitingSpans + this.#spans.length;
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if (this.#shutdown || !(span.spanContext().traceFlags & TraceFlags.SAMPLED)) return;
    if (this.#queued >= this.#limits.queueSize) {
      this.#dropped++;
      this.#metrics.count(1, "queue_full");
      return;
    }
    if (this.#dropped > 0) diag.warn(`Dropped ${this.#dropped} spans because maxQueueSize reached`);
    this.#dropped = 0;
    try {
      this.#spans.add(span);
    } catch (error) {
      const { name, message } = error as Error; // what an encoder throws is one
      diag.error(`A span cannot be encoded: ${message}`);
      this.#metrics.count(1, name);
      return;
    }
    if (this.#spans.length >= this.#limits.batchSize) this.#seal();
    if (!this.#isExporting) this.#schedule();
  }

  #seal(): void {
    const { length } = this.#spans;
    if (length === 0) return;
    this.#waiting.push({ bytes: this.#spans.take(), length });
    this.#waitingSpans += length;
  }

  #schedule(): void {
    if (this.#waiting.length > 0) void this.#exportWaiting();
    else if (this.#spans.length > 0) {
      this.#timer ??= context.with(ROOT_CONTEXT, () =>
        setTimeout(() => void this.#exportWaiting(), this.#limits.delayMs).unref(),
      );
    }
  }

  /** One batch, and those that have become full meanwhile. */
  async #exportWaiting(): Promise<void> {
    this.#isExporting = true;
    this.#clearTimer();
    if (this.#waiting.length === 0) this.#seal();
    while (this.#waiting.length > 0) await this.#exportNext();
    this.#isExporting = false;
    this.#schedule();
  }

  /** Never rejects: what became of a batch is counted. */
  async #exportNext(): Promise<void> {
    const batch = this.#waiting.shift();
    if (!batch) return;
    this.#waitingSpans -= batch.length;
    // In a context without a span, as otherwise requests of the exporter were traced too.
    await context.with(suppressTracing(ROOT_CONTEXT), () => this.#export(batch));
  }

  #export(batch: EncodedBatch): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        diag.error("Timeout of an export of spans: the next one begins");
        resolve();
      }, this.#limits.exportTimeoutMs);
      this.#send.export(batch, ({ code, error }) => {
        clearTimeout(timer);
        if (code !== ExportResultCode.SUCCESS) diag.error(error?.message ?? "export of spans failed");
        this.#metrics.count(batch.length, error?.name ?? (code === ExportResultCode.SUCCESS ? undefined : "_OTHER"));
        resolve();
      });
    });
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Sends all at once, beside what is under way. */
  async forceFlush(): Promise<void> {
    if (this.#shutdown) return this.#shutdown;
    await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#clearTimer();
    this.#seal();
    await Promise.all(Array.from(this.#waiting, () => this.#exportNext()));
    await this.#send.forceFlush();
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= this.#flush().then(() => {
      this.#metrics.end();
      return this.#send.shutdown();
    });
    return this.#shutdown;
  }
}

/** @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor */
function readLimits(): Limits {
  const queueSize = getNumberFromEnv("OTEL_BSP_MAX_QUEUE_SIZE") ?? 2_048;
  return {
    delayMs: getNumberFromEnv("OTEL_BSP_SCHEDULE_DELAY") ?? 5_000,
    exportTimeoutMs: getNumberFromEnv("OTEL_BSP_EXPORT_TIMEOUT") ?? 30_000,
    queueSize,
    batchSize: Math.min(getNumberFromEnv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") ?? 512, queueSize),
  };
}

interface QueueMetrics {
  /** So many spans are done with: sent, or lost for a reason. */
  count(spans: number, errorType: string | undefined): void;
  end(): void;
}

/** @see https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/#span-metrics */
function countQueue(meter: Meter, capacity: number, size: () => number): QueueMetrics {
  const component = {
    "otel.component.type": "batching_span_processor",
    "otel.component.name": "batching_span_processor/0",
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
