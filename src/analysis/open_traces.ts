import type { SpanNode } from "./span_node.ts";

/** A trace of which spans may still come. */
interface OpenTrace {
  nodes: SpanNode[];
  /** How many spans had come when its last one did. */
  touched: number;
  hasJob: boolean;
  hasEnqueue: boolean;
}

export interface OpenTracesOptions {
  /** Spans of other traces after which nothing more of a trace is expected, unless its job has not come. @default {10_000} */
  quietSpans?: number;
  /** Spans that are kept at the most; beyond, the traces that were quiet longest are done. @default {100_000} */
  mostSpans?: number;
  /** Spans of one trace that are kept at the most. @default {20_000} */
  mostSpansOfTrace?: number;
}

/**
 * Groups spans by trace, and hands a trace on once nothing more of it is expected: so memory is that of the open ones.
 * Order is that of the stream, not of the clocks, which belong to several machines.
 */
export class OpenTraces {
  /** Spans that were handed on apart from others of their trace, because there were too many. */
  split = 0;
  /** The most spans that were open at once. */
  peak = 0;
  readonly #traces = new Map<string, OpenTrace>();
  readonly #done: (traceId: string, nodes: SpanNode[]) => void;
  readonly #options: Required<OpenTracesOptions>;
  #seen = 0;
  #open = 0;

  constructor(done: (traceId: string, nodes: SpanNode[]) => void, options: OpenTracesOptions = {}) {
    this.#done = done;
    this.#options = { quietSpans: 10_000, mostSpans: 100_000, mostSpansOfTrace: 20_000, ...options };
  }

  add(traceId: string, node: SpanNode): void {
    this.#seen++;
    let trace = this.#traces.get(traceId);
    if (!trace) {
      trace = { nodes: [], touched: 0, hasJob: false, hasEnqueue: false };
      this.#traces.set(traceId, trace);
    }
    trace.nodes.push(node);
    trace.touched = this.#seen;
    trace.hasJob ||= node.job !== undefined;
    trace.hasEnqueue ||= node.isEnqueue;
    this.#open++;
    this.peak = Math.max(this.peak, this.#open);
    if (trace.nodes.length >= this.#options.mostSpansOfTrace) this.#split(traceId, trace);
    // Half of the time of quiet, so that a look costs little a span.
    if (this.#seen % Math.ceil(this.#options.quietSpans / 2) === 0) this.#closeQuiet();
    if (this.#open > this.#options.mostSpans) this.#closeOldest();
  }

  /** Nothing more will come. */
  end(): void {
    for (const [traceId, trace] of this.#traces) this.#close(traceId, trace);
  }

  #closeQuiet(): void {
    for (const [traceId, trace] of this.#traces) {
      const isWaiting = trace.hasEnqueue && !trace.hasJob;
      if (!isWaiting && this.#seen - trace.touched >= this.#options.quietSpans) this.#close(traceId, trace);
    }
  }

  /** Down to three quarters, so that it is not done for every span. */
  #closeOldest(): void {
    const oldest = [...this.#traces].sort(([, a], [, b]) => a.touched - b.touched);
    for (const [traceId, trace] of oldest) {
      if (this.#open <= this.#options.mostSpans * 0.75) return;
      this.#split(traceId, trace);
    }
  }

  #split(traceId: string, trace: OpenTrace): void {
    this.split += trace.nodes.length;
    this.#close(traceId, trace);
  }

  #close(traceId: string, trace: OpenTrace): void {
    this.#traces.delete(traceId);
    this.#open -= trace.nodes.length;
    this.#done(traceId, trace.nodes);
  }
}
