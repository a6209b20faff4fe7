import type { Flame, FlameNode } from "../../analysis/report.ts";
import { shown } from "../../terminal/visible_text.ts";
import { frameName } from "../function_text.ts";
import { type Bounds, round } from "./bounds.ts";

export interface PageFlame {
  job: string;
  root: PageFlameNode;
  /** Functions too small to be seen that were left out. */
  omitted: number;
}

export type PageFlameNode = Omit<FlameNode, "children"> & { children: PageFlameNode[] };

/** Of the width of a flame graph: less is under half a pixel of a wide screen. */
const SMALLEST_SHARE = 0.0003;
const DEEPEST = 120;
const MOST_FLAMES = 12;

/** Flame graphs without what cannot be seen: the largest functions, no more than `functions` over all of them. */
export function boundFlames(flames: Flame[], { functions }: Bounds): PageFlame[] {
  const some = flames.slice(0, MOST_FLAMES);
  const most = Math.max(1, Math.floor(functions / Math.max(some.length, 1)));
  return some.map(({ job, root }) => {
    const { kept, all } = select(root, most);
    return { job: shown(job, 80), root: copy(root, kept), omitted: all - kept.size };
  });
}

/** The nodes that are drawn. A parent is no smaller than its children, so no kept node loses its parent. */
function select(root: FlameNode, most: number) {
  const nodes: { node: FlameNode; depth: number }[] = [{ node: root, depth: 0 }];
  for (let index = 0; index < nodes.length; index++) {
    const { node, depth } = nodes[index]!;
    for (const child of node.children) nodes.push({ node: child, depth: depth + 1 });
  }
  const kept = new Set<FlameNode>();
  const smallest = root.totalMs * SMALLEST_SHARE;
  for (const { node, depth } of nodes.toSorted((a, b) => b.node.totalMs - a.node.totalMs || a.depth - b.depth)) {
    if (kept.size >= most) break;
    if (node === root || (node.totalMs >= smallest && depth <= DEEPEST)) kept.add(node);
  }
  return { kept, all: nodes.length };
}

function copy({ name, file, line, totalMs, selfMs, children }: FlameNode, kept: Set<FlameNode>): PageFlameNode {
  return {
    name: shown(frameName({ name, file, line }), 100),
    // The end of a path says more than its beginning.
    file: shown(file.slice(-120), 120),
    line,
    totalMs: round(totalMs),
    selfMs: round(selfMs),
    children: children.filter((child) => kept.has(child)).map((child) => copy(child, kept)),
  };
}
