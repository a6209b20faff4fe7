import { setTimeout } from "node:timers/promises";
import { LiveFile } from "../otlp/live_file.ts";
import type { OtlpSpan, TracesRequest } from "../otlp/otlp_json.ts";
import * as otlp from "../otlp/read_spans.ts";
import { type Span, SpanKind } from "../otlp/types.ts";
import { spanInterval } from "../recording/arrivals.ts";
import { gatherClues } from "../stack/hints.ts";
import type { Stack, Telemetry } from "../stack/stack.ts";
import { isAttempt, keyOf, RequestTrace } from "./request_trace.ts";
import { DriveError, type JobEnd } from "./send_job.ts";

export interface SpanWatchOptions extends Pick<Telemetry, "refresh"> {
  /** The collector's file of spans. */
  traces: string;
  /** The longest interval at which the processes send their spans, in ms. */
  intervalMs: number;
  /** Nothing of a request arrives any more so long after it should have, in ms. @default {10_000} */
  lostMs?: number;
}

/** The spans of what is observed in a stack. */
export async function spansOf(stack: Stack, { files, refresh }: Telemetry): Promise<SpanWatchOptions> {
  const clues = await gatherClues(stack, await stack.status());
  return { traces: files.traces, refresh, intervalMs: spanInterval(clues) };
}

/** Between two looks into the file, at least; and before the second look at those of which nothing has arrived, in ms. */
const LOOK_MS = { file: 50, quiet: 200 };
/** What is sent at intervals arrives within this beyond one, in ms. */
const LATE_MS = 500;
/** So long a request waits at most, in ms, for a job that is known to have run before. */
const AGAIN_MS = 5_000;
/** Jobs whose attempts are remembered for requests that add the same job again. */
const REMEMBERED = 10_000;

interface Followed {
  trace: RequestTrace;
  sentMs: number;
  /** Present from the answer on. */
  settle?: { sinceMs: number; resolve: (end: JobEnd) => void; reject: (error: Error) => void };
}

/**
 * Sees in telemetry how requests end, of any number at once: each span that the collector stores is looked at once. A request
 * is known by the trace id that it was given.
 */
export class SpanWatch {
  readonly #options: SpanWatchOptions;
  readonly #graceMs: number;
  readonly #file: LiveFile;
  /** By trace id. */
  readonly #followed = new Map<string, Followed>();
  /** In which trace a job has run last, and until when; by its key. Of one that had no context the span. */
  readonly #ran = new Map<string, { traceId: string; endNs: bigint; root: Span | undefined }>();
  #awaited = 0;
  #isReading = false;
  /** Of the requests that have ended with a job. */
  #longestMs = 0;

  constructor(options: SpanWatchOptions) {
    this.#options = options;
    this.#graceMs = options.intervalMs + LATE_MS;
    this.#file = new LiveFile(options.traces);
  }

  /** A request is about to be sent. Follow it with `untilEnd` or `forget` it. */
  begin(): RequestTrace {
    const trace = new RequestTrace();
    this.#followed.set(trace.traceId, { trace, sentMs: performance.now() });
    return trace;
  }

  forget({ traceId }: RequestTrace): void {
    this.#followed.delete(traceId);
  }

  /**
   * Resolves when the work of a request that was answered has ended.
   *
   * @throws {DriveError} when nothing of it arrives; the signal's reason
   */
  async untilEnd({ traceId }: RequestTrace, signal: AbortSignal): Promise<JobEnd> {
    const followed = this.#followed.get(traceId)!; // from `begin`
    let abort = () => {};
    this.#awaited++;
    try {
      const end = await new Promise<JobEnd>((resolve, reject) => {
        abort = () => reject(signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        if (signal.aborted) abort();
        followed.settle = { sinceMs: performance.now(), resolve, reject };
        if (!this.#isReading) void this.#read();
      });
      // One without a job may itself have waited for so long.
      if (end.atMs !== undefined) this.#longestMs = Math.max(this.#longestMs, performance.now() - followed.sentMs);
      return end;
    } finally {
      signal.removeEventListener("abort", abort);
      this.#awaited--;
      this.#followed.delete(traceId);
    }
  }

  /** Reads as long as anything is awaited. */
  async #read(): Promise<void> {
    this.#isReading = true;
    let quietMs = 0;
    try {
      while (this.#awaited > 0) {
        const beganMs = performance.now();
        await this.#options.refresh();
        const changed = new Set<Followed>();
        for await (const request of this.#file.newRequests<TracesRequest>()) {
          for (const span of otlp.spansOf(request, (each) => this.#isWanted(each))) this.#take(span, changed);
        }
        for (const followed of changed) this.#look(followed);
        if (performance.now() - quietMs >= LOOK_MS.quiet) {
          quietMs = performance.now();
          for (const followed of this.#followed.values()) this.#look(followed);
        }
        // Where a look is a copy out of a container, it does not become all that this process does.
        await setTimeout(Math.max(LOOK_MS.file, 2 * (performance.now() - beganMs)));
      }
    } catch (error) {
      const failure = new DriveError(`Cannot read what the collector has received: ${(error as Error).message}`);
      for (const { settle } of this.#followed.values()) settle?.reject(failure);
    } finally {
      this.#isReading = false;
    }
  }

  /** How long nothing arrives of a job that runs in another trace, twice as long as any request took so far; in ms. */
  get #othersMs(): number {
    return Math.max(this.#graceMs, Math.min(2 * this.#longestMs, AGAIN_MS));
  }

  #isWanted({ kind, traceId = "", parentSpanId }: OtlpSpan): boolean {
    if (kind === SpanKind.CONSUMER) return true;
    const trace = this.#followed.get(traceId)?.trace;
    return trace !== undefined && (kind === SpanKind.PRODUCER || parentSpanId === trace.spanId);
  }

  #take(span: Span, changed: Set<Followed>): void {
    const followed = this.#followed.get(span.traceId);
    if (followed) {
      followed.trace.add(span);
      changed.add(followed);
    }
    if (!isAttempt(span)) return;
    this.#ran.delete(keyOf(span)); // the newest last
    const root = span.parentSpanId === "" ? span : undefined;
    this.#ran.set(keyOf(span), { traceId: span.traceId, endNs: span.endNs, root });
    const [oldest = ""] = this.#ran.keys();
    if (this.#ran.size > REMEMBERED) this.#ran.delete(oldest);
  }

  #look({ trace, settle }: Followed): void {
    if (!settle) return;
    for (const [key, addedNs] of trace.unseen) this.#findElsewhere(trace, key, addedNs);
    const end = trace.end(this.#graceMs, this.#othersMs);
    if (end) settle.resolve(end);
    const waitedMs = performance.now() - settle.sinceMs;
    const { lostMs = 10_000 } = this.#options;
    if (trace.newsMs === undefined && waitedMs > this.#graceMs + lostMs) {
      const seconds = (waitedMs / 1_000).toFixed(0);
      const next = "is it observed, does it take the trace context that it is sent (OTEL_PROPAGATORS)?";
      settle.reject(new DriveError(`${trace.why()} ${seconds} s after the answer of the application: ${next}`));
    }
  }

  /**
   * Looks for a job that was added and is not seen to run in the trace. It began a trace of its own where it was handed on
   * without its context. In that of another request it runs when it was there already; had it ended before, it may have
   * been removed and added anew: that has time to be seen.
   */
  #findElsewhere(trace: RequestTrace, key: string, addedNs: bigint): void {
    const ran = this.#ran.get(key);
    if (!ran || ran.traceId === trace.traceId) return;
    const { endNs, root } = ran;
    const waitedMs = performance.now() - (trace.newsMs ?? 0);
    if (root && endNs > addedNs) trace.add(root);
    else if (endNs > addedNs || waitedMs > this.#othersMs) trace.leaveToOthers(key);
  }
}
