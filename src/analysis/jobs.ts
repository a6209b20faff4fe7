import { Distribution } from "./distribution.ts";
import { JobLanes } from "./job_lanes.ts";
import { observeJob } from "./job_record.ts";
import { JobTypeFacts, KEPT_RECORDS } from "./job_type.ts";
import { OTHER } from "./names.ts";
import { Requests } from "./requests.ts";
import type { SpanNode } from "./span_node.ts";
import { buildTree, type TraceTree } from "./trace_tree.ts";

/** Job types that are kept apart. */
const MOST_TYPES = 100;
const MOST_PROCESSES = 1_000;

/** Everything that the spans of a run show, folded job by job. */
export class Jobs {
  readonly types = new Map<string, JobTypeFacts>();
  readonly requests = new Requests();
  readonly lanes = new JobLanes();
  /** The store's part of job spans, of all types. */
  readonly store = new Distribution(KEPT_RECORDS);
  readonly processes = new Set<string>();
  /** Services that ran jobs. */
  readonly services = new Set<string>();
  count = 0;
  /** From the first start of a job to the last end, Unix time. */
  fromMs = Number.POSITIVE_INFINITY;
  untilMs = 0;
  /** Spans in jobs. */
  spans = 0;
  /** Jobs whose wait was taken from the enqueue span. */
  waitsFromEnqueue = 0;
  /** What the instrumentation says of the worker. */
  concurrency: number | undefined;
  lockMs: number | undefined;

  /** Takes the spans of one trace. */
  addTrace(traceId: string, nodes: SpanNode[]): void {
    const tree = buildTree(traceId, nodes);
    for (let place = 0; place < tree.nodes.length; place++) {
      if (tree.nodes[place]!.job) this.#addJob(tree, place);
      if (tree.jobs[place] !== -1) this.spans++;
    }
    this.requests.add(tree);
  }

  get windowMs(): number {
    return Math.max(0, this.untilMs - this.fromMs);
  }

  #addJob(tree: TraceTree, place: number): void {
    const span = tree.nodes[place]!;
    const job = span.job!; // the caller has looked
    if (job.waitMs === undefined && job.attempt === 1) this.#waitFromEnqueue(tree, place);
    const observed = observeJob(tree, place);
    this.#typeOf(job.queue, job.name).add(observed);
    if (observed.record.storeMs !== undefined) this.store.add(observed.record.storeMs);
    this.count++;
    this.fromMs = Math.min(this.fromMs, span.startMs);
    this.untilMs = Math.max(this.untilMs, span.endMs);
    this.services.add(span.service);
    if (this.processes.size < MOST_PROCESSES) this.processes.add(job.process);
    if (job.concurrency !== undefined) this.concurrency = Math.max(job.concurrency, this.concurrency ?? 0);
    if (job.lockMs !== undefined) this.lockMs = Math.min(job.lockMs, this.lockMs ?? Infinity);
    const { spanId, startMs, endMs, failed } = span;
    const returnedMs = Math.min(endMs, startMs + observed.record.parts.run);
    this.lanes.add({ job: job.name, process: job.process, spanId, startMs, endMs, returnedMs, failed });
  }

  /** From the end of the span that put it into the queue; an intended delay is not known and in it. */
  #waitFromEnqueue({ nodes, parents }: TraceTree, place: number): void {
    const span = nodes[place]!;
    const parent = nodes[parents[place]!];
    if (!parent?.isEnqueue) return;
    span.job!.waitMs = Math.max(0, span.startMs - parent.endMs);
    this.waitsFromEnqueue++;
  }

  #typeOf(queue: string, name: string): JobTypeFacts {
    const key = JSON.stringify([queue, name]);
    const known = this.types.get(key);
    if (known) return known;
    const isRoom = this.types.size < MOST_TYPES;
    const [shownKey, shownName, shownQueue] = isRoom ? [key, name, queue] : [OTHER, OTHER, ""];
    const type = this.types.get(shownKey) ?? new JobTypeFacts(shownName, shownQueue, this.types.size + 1);
    this.types.set(shownKey, type);
    return type;
  }
}
