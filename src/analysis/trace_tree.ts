import type { SpanNode } from "./span_node.ts";

/** The spans of a trace with whose child each is. */
export interface TraceTree {
  traceId: string;
  nodes: SpanNode[];
  /** By the span's place in `nodes`: the place of its parent, -1 for a root and where the parent is missing. */
  parents: number[];
  /** By its place: its children. */
  children: number[][];
  /** By its place: that of the job span that it belongs to, the nearest above it or itself; -1 outside of jobs. */
  jobs: number[];
}

/** Builds the tree of what came of a trace: a span that came twice counts once, and a cycle of parents is cut. */
export function buildTree(traceId: string, spans: SpanNode[]): TraceTree {
  const places = new Map<string, number>();
  const nodes: SpanNode[] = [];
  for (const node of spans) {
    if (places.has(node.spanId)) continue; // its export was tried again
    places.set(node.spanId, nodes.length);
    nodes.push(node);
  }
  const parents = nodes.map(({ parentSpanId }) => places.get(parentSpanId) ?? -1);
  const jobs = ownersOf(nodes, parents);
  const children: number[][] = nodes.map(() => []);
  parents.forEach((parent, place) => {
    if (parent !== -1) children[parent]!.push(place);
  });
  return { traceId, nodes, parents, children, jobs };
}

/** Walks up from every span once, and cuts the link that closes a cycle. */
function ownersOf(nodes: SpanNode[], parents: number[]): number[] {
  const owners = new Array<number>(nodes.length).fill(-1);
  const UNSEEN = 0;
  const ON_THE_WAY = 1;
  const KNOWN = 2;
  const states = new Uint8Array(nodes.length);
  const way: number[] = [];
  for (let start = 0; start < nodes.length; start++) {
    let at = start;
    while (at !== -1 && states[at] === UNSEEN) {
      states[at] = ON_THE_WAY;
      way.push(at);
      at = parents[at]!;
    }
    if (at !== -1 && states[at] === ON_THE_WAY) {
      parents[way.at(-1)!] = -1;
      at = -1;
    }
    let owner = at === -1 ? -1 : owners[at]!;
    for (let place = way.pop(); place !== undefined; place = way.pop()) {
      if (nodes[place]!.job) owner = place;
      owners[place] = owner;
      states[place] = KNOWN;
    }
  }
  return owners;
}

/** The places of a job's spans, itself first, without those of jobs that it started. */
export function spansOfJob({ children, jobs }: TraceTree, job: number): number[] {
  const places = [job];
  for (let next = 0; next < places.length; next++) {
    for (const child of children[places[next]!]!) if (jobs[child] === job) places.push(child);
  }
  return places;
}
