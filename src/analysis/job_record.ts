import type { Part, Parts } from "./report.ts";
import type { SpanNode } from "./span_node.ts";
import { criticalPath, selfMs, unionMs } from "./span_time.ts";
import { spansOfJob, type TraceTree } from "./trace_tree.ts";

/** What is kept of one attempt of a job for percentiles and comparisons. */
export interface JobRecord {
  /** Unix time. */
  startMs: number;
  /** Enqueue to end, or start to end where the wait is not known. */
  totalMs: number;
  /** With `run` and, where known, `wait`. */
  parts: Parts & { run: number };
  /** CPU time of its JavaScript and its pauses for garbage, whatever else the machine did. Absent where nobody looked. */
  cpuTimeMs?: number;
  /** What `blocked` may be at the most, where that is known. */
  blockedMaxMs?: number;
  /** Of the job span, what is not the run: the queue store's round trips. Absent where the run is not known. */
  storeMs?: number;
  /** ms by name of span, the most first. */
  path: [string, number][];
}

/** Times of single attempts by the name of their job type, for `compare`. */
export type JobValues = Map<string, JobRecord[]>;

/** One attempt with all that its spans show. */
export interface ObservedJob {
  tree: TraceTree;
  /** The place of its job span in the tree. */
  place: number;
  record: JobRecord;
  /** What led to it: the request, and the enqueue; absent where they are not in its trace. */
  requestMs?: number;
  enqueueMs?: number;
  spans: { name: string; selfMs: number; cpuMs: number | undefined }[];
  /** Calls by name. */
  calls: Group[];
  /** Siblings of one name under one parent, five or more. */
  repeated: Group[];
}

export interface Group {
  name: string;
  spans: SpanNode[];
  /** How long at least one of them was running within the job. */
  unionMs: number;
}

/** Steps of a critical path that are kept of each job. */
const STEPS = 12;
/** Fewer siblings of one name are a coincidence. */
const REPEATED = 5;
/** Parts that are kept with a record. */
export const LEDGER = [
  "cpu",
  "gc",
  "throttled",
  "blocked",
  "overlapped",
  "idle",
  "unexplained",
] as const satisfies Part[];

/** Looks at the job span at `place` and all below it. */
export function observeJob(tree: TraceTree, place: number): ObservedJob {
  const span = tree.nodes[place]!;
  const { waitMs, runMs, parts, blockedMaxMs, offCpuMs } = span.job!; // only job spans are asked for
  const spanMs = span.endMs - span.startMs;
  const places = spansOfJob(tree, place);
  const path = [...criticalPath(tree, place)];
  if (waitMs) path.push([WAIT_STEP, waitMs]);
  const below = places.slice(1).map((each) => tree.nodes[each]!);
  return {
    tree,
    place,
    record: {
      startMs: span.startMs,
      totalMs: (waitMs ?? 0) + spanMs,
      parts: { ...(waitMs === undefined ? {} : { wait: waitMs }), ...parts, run: runMs ?? spanMs },
      ...(offCpuMs === undefined ? {} : { cpuTimeMs: Math.max(0, ownMs(parts) - offCpuMs) }),
      ...(blockedMaxMs === undefined ? {} : { blockedMaxMs }),
      ...(runMs === undefined ? {} : { storeMs: Math.max(0, spanMs - runMs) }),
      path: path.sort(([, a], [, b]) => b - a).slice(0, STEPS),
    },
    ...requestOf(tree, place),
    spans: places.map((each) => ({
      name: nameOf(tree.nodes[each]!),
      selfMs: selfMs(tree, each),
      cpuMs: tree.nodes[each]!.cpuMs,
    })),
    calls: group(
      below.filter(({ call }) => call !== undefined),
      span,
    ),
    repeated: places.flatMap((each) => repeatedBelow(tree, each)),
  };
}

/** JavaScript of a job's own, pauses for garbage and throttling among it. */
export function ownMs({ cpu = 0, gc = 0, throttled = 0 }: Parts): number {
  return cpu + gc + throttled;
}

function requestOf({ nodes, parents }: TraceTree, place: number): Pick<ObservedJob, "requestMs" | "enqueueMs"> {
  const found: Pick<ObservedJob, "requestMs" | "enqueueMs"> = {};
  for (let at = parents[place]!; at !== -1; at = parents[at]!) {
    const { isEnqueue, isServer, job, startMs, endMs } = nodes[at]!;
    if (job) break; // it was started by another job
    if (isEnqueue) found.enqueueMs ??= endMs - startMs;
    if (isServer) found.requestMs ??= endMs - startMs;
  }
  return found;
}

/** How the wait is called on a critical path. */
export const WAIT_STEP = "(waiting in the queue)";

function repeatedBelow({ nodes, children, jobs }: TraceTree, place: number): Group[] {
  const below = children[place]!;
  if (below.length < REPEATED) return [];
  const siblings = below.filter((child) => jobs[child] === jobs[place]).map((child) => nodes[child]!);
  return group(siblings, nodes[place]!).filter(({ spans }) => spans.length >= REPEATED);
}

function group(spans: SpanNode[], within: SpanNode): Group[] {
  const byName = new Map<string, SpanNode[]>();
  for (const span of spans) {
    const name = nameOf(span);
    const same = byName.get(name);
    if (same) same.push(span);
    else byName.set(name, [span]);
  }
  return [...byName].map(([name, same]) => ({
    name,
    spans: same,
    unionMs: unionMs(same, within.startMs, within.endMs),
  }));
}

/** What a span is counted under: what it called, or its own name. */
export const nameOf = ({ call, name }: SpanNode): string => call ?? name;
