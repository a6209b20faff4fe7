import type { ObservedJob } from "./job_record.ts";
import type { JobTrace, Part } from "./report.ts";
import { spansOfJob } from "./trace_tree.ts";

/** What a job stands out by. */
export type Criterion = Part | "slowest" | "store" | "request" | "enqueue" | "failed" | "repeated" | "call";

/** Spans of a waterfall; more cannot be read. */
const MOST_SPANS = 300;

/** Keeps, of one job type, the job that stands out most by each criterion, with its spans. */
export class Exemplars {
  readonly #best = new Map<Criterion, { value: number; trace: JobTrace }>();
  #made: { job: ObservedJob; trace: JobTrace } | undefined;

  offer(criterion: Criterion, value: number | undefined, job: ObservedJob): void {
    if (value === undefined || !(value > (this.#best.get(criterion)?.value ?? 0))) return;
    // One that stands out in several ways is made once.
    if (this.#made?.job !== job) this.#made = { job, trace: toTrace(job) };
    this.#best.set(criterion, { value, trace: this.#made.trace });
  }

  get(criterion: Criterion): JobTrace | undefined {
    return this.#best.get(criterion)?.trace;
  }

  all(): [Criterion, JobTrace][] {
    return [...this.#best].map(([criterion, { trace }]) => [criterion, trace]);
  }
}

function toTrace({ tree, place, record }: ObservedJob): JobTrace {
  const span = tree.nodes[place]!;
  const { run, ...parts } = record.parts;
  const shown = placesToShow({ tree, place }).map((each) => tree.nodes[each]!);
  const beginMs = shown.reduce((least, { startMs }) => Math.min(least, startMs), span.startMs);
  return {
    traceId: tree.traceId,
    spanId: span.spanId,
    job: span.job!.name, // `place` is that of a job span
    why: "",
    totalMs: record.totalMs,
    parts,
    spans: shown.map(({ spanId, parentSpanId, name, call, service, kind, startMs, endMs, cpuMs, failed }) => ({
      ...{ spanId, parentSpanId, name: call ?? name, service, kind },
      ...{ startMs: startMs - beginMs, durationMs: endMs - startMs },
      ...(cpuMs === undefined ? {} : { cpuMs }),
      failed,
    })),
  };
}

/** What led to the job, the job and its spans, and what else is in the trace outside of jobs, as far as there is room. */
function placesToShow({ tree, place }: Pick<ObservedJob, "tree" | "place">): number[] {
  const above: number[] = [];
  for (let at = tree.parents[place]!; at !== -1 && above.length < MOST_SPANS; at = tree.parents[at]!) above.push(at);
  const shown = new Set([...above.reverse(), ...spansOfJob(tree, place)].slice(0, MOST_SPANS));
  for (let other = 0; other < tree.nodes.length && shown.size < MOST_SPANS; other++) {
    if (tree.jobs[other] === -1) shown.add(other);
  }
  return [...shown].sort((a, b) => tree.nodes[a]!.startMs - tree.nodes[b]!.startMs);
}
