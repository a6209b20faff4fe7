import { context, diag, type MeterProvider, ROOT_CONTEXT, TraceFlags } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, globalErrorHandler, suppressTracing } from "@opentelemetry/core";
import type { IOtlpExportDelegate } from "@opentelemetry/otlp-exporter-base";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { EncodedSpans } from "./otlp_protobuf.ts";
import { type QueueLimits, readQueueLimits } from "./queue_limits.ts";
import { countQueue, type QueueMetrics } from "./queue_metrics.ts";

/** An `ExportTraceServiceRequest` with so many spans. */
export interface EncodedBatch {
  bytes: Uint8Array;
  length: number;
}

/** Spans that have ended, and become a batch. */
export interface OpenBatch {
  /** How many there are. */
  readonly length: number;
  /** @throws {Error} when it cannot be encoded; it is left out then */
  add(span: ReadableSpan): void;
  /** The request with all of them, which begins anew then. */
  take(): Uint8Array;
}

/** A flush waits for all batches at once; the SDK's exporters refuse more than 30. */
const MOST_AT_ONCE = 20;

/**
 * The specification's batching processor, whose queue holds encoded spans: the SDK's own keeps the objects, and a
 * saturated worker then spends as much on moving them about in memory as on sending them. Settings, metrics and errors are
 * those of the SDK's. A flush waits for every span that had ended before, also for those that are under way. Exports and
 * timers belong to no span, whichever span's end they follow.
 *
 * @see https://opentelemetry.io/docs/specs/otel/trace/sdk/#batching-processor
 */
export class BatchingSpanProcessor implements SpanProcessor {
  readonly #send: IOtlpExportDelegate<EncodedBatch>;
  readonly #limits: QueueLimits = readQueueLimits();
  readonly #metrics: QueueMetrics;
  readonly #spans: OpenBatch;
  /** Full batches that wait for their turn; those that a flush waits for come first. */
  readonly #waiting: Batch[] = [];
  /** Spans in them. */
  #waitingSpans = 0;
  readonly #underWay = new Set<Batch>();
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #shutdown: Promise<void> | undefined;

  constructor(send: IOtlpExportDelegate<EncodedBatch>, metrics: MeterProvider, spans: OpenBatch = new EncodedSpans()) {
    this.#send = send;
    this.#spans = spans;
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
      if (this.#dropped++ === 0) diag.debug("maxQueueSize reached, dropping spans");
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
    this.#schedule();
  }

  #seal(): void {
    const { length } = this.#spans;
    if (length === 0) return;
    try {
      this.#waiting.push(new Batch(this.#spans.take(), length));
      this.#waitingSpans += length;
    } catch (error) {
      globalErrorHandler(error as Error); // what an encoder throws is one
      this.#metrics.count(length, (error as Error).name);
    }
  }

  /** Begins what may begin now, and sees that the rest begins later. */
  #schedule(): void {
    while (this.#waiting[0] && this.#mayBegin(this.#waiting[0])) this.#export(this.#waiting.shift()!);
    if (this.#spans.length === 0 || this.#isExporting) return;
    this.#timer ??= context.with(ROOT_CONTEXT, () => setTimeout(() => this.#onTimer(), this.#limits.delayMs).unref());
  }

  /** Whether a batch is under way that no flush has begun: then the next one waits for its end. */
  get #isExporting(): boolean {
    for (const batch of this.#underWay) if (!batch.isFlushed) return true;
    return false;
  }

  #mayBegin(batch: Batch): boolean {
    return batch.isFlushed ? this.#underWay.size < MOST_AT_ONCE : !this.#isExporting;
  }

  #onTimer(): void {
    this.#clearTimer();
    this.#seal();
    this.#schedule();
  }

  #export(batch: Batch): void {
    this.#clearTimer();
    this.#waitingSpans -= batch.length;
    this.#underWay.add(batch);
    // In a context without a span, as otherwise requests of the exporter were traced too.
    context.with(suppressTracing(ROOT_CONTEXT), () => {
      this.#hand(batch);
      void batch.ended.then((error) => {
        this.#underWay.delete(batch);
        if (error && !batch.isFlushed) globalErrorHandler(error);
        this.#schedule();
      });
    });
  }

  #hand(batch: Batch): void {
    const timer = setTimeout(() => batch.end(new Error("Timeout")), this.#limits.exportTimeoutMs);
    const onResult = ({ code, error }: ExportResult) => {
      clearTimeout(timer);
      const isSent = code === ExportResultCode.SUCCESS;
      this.#metrics.count(batch.length, error?.name ?? (isSent ? undefined : "_OTHER"));
      batch.end(isSent ? undefined : (error ?? new Error("export of spans failed")));
    };
    try {
      this.#send.export(batch, onResult);
    } catch (error) {
      onResult({ code: ExportResultCode.FAILED, error: error as Error }); // what it throws is one
    }
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Rejects with the first error, when all batches have ended. */
  async forceFlush(): Promise<void> {
    if (this.#shutdown) return this.#shutdown;
    await this.#flush();
  }

  async #flush(): Promise<void> {
    this.#clearTimer();
    this.#seal();
    for (const batch of this.#waiting) batch.isFlushed = true;
    const batches = [...this.#underWay, ...this.#waiting];
    this.#schedule();
    const errors = await Promise.all(batches.map(({ ended }) => ended));
    const error = errors.find((each) => each);
    if (error) throw error;
  }

  shutdown(): Promise<void> {
    this.#shutdown ??= this.#flush().finally(() => {
      this.#metrics.end();
      return this.#send.shutdown();
    });
    return this.#shutdown;
  }

  /** All that is not known to have arrived, for who sends it in another way: when the process exits no promise settles any more. */
  takeBatches(): EncodedBatch[] {
    this.#seal();
    this.#waitingSpans = 0;
    return [...this.#underWay, ...this.#waiting.splice(0)];
  }
}

/** A batch in the queue or under way. */
class Batch implements EncodedBatch {
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Whether a flush waits for it, which has begun it, or will: at once, beside what is under way. */
  isFlushed = false;
  /** Settles `ended`, with an error or without; the first call counts. */
  end!: (error?: Error) => void;
  /** Resolves when it has arrived, is lost or has taken too long: with the error then. */
  readonly ended = new Promise<Error | undefined>((resolve) => {
    this.end = resolve;
  });

  constructor(bytes: Uint8Array, length: number) {
    this.bytes = bytes;
    this.length = length;
  }
}
