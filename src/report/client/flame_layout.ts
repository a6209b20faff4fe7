import { type HierarchyRectangularNode, hierarchy, partition } from "d3-hierarchy";
import type { PageFlameNode } from "../page/bound_flames.ts";

/** A function in its place: `x0` and `x1` from 0 to 1 of the width, `depth` from the root. */
export type Frame = HierarchyRectangularNode<PageFlameNode>;

/** Lays a tree of functions out, the widest callee first. */
export function layOut(root: PageFlameNode): Frame {
  const tree = hierarchy(root, ({ children }) => children);
  // A function's width is its recorded time. Where callees were left out the rest of it stays free, as its own time does.
  tree.each((node) => {
    const below = (node.children ?? []).reduce((sum, child) => sum + child.data.totalMs, 0);
    Object.assign(node, { value: Math.max(node.data.totalMs, below) });
  });
  tree.sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  return partition<PageFlameNode>()(tree);
}

/** Who wrote a function, by its file. */
export function origin({ file }: PageFlameNode): "own" | "package" | "runtime" {
  if (file === "" || file.startsWith("node:") || file.startsWith("ext:")) return "runtime";
  return file.includes("node_modules/") ? "package" : "own";
}

/** The frames whose name or file has `term`, and their time, that of nested ones once. */
export function search(root: Frame, term: string): { found: Set<Frame>; ms: number } {
  const found = new Set<Frame>();
  const wanted = term.toLowerCase();
  let ms = 0;
  if (wanted === "") return { found, ms };
  root.eachBefore((frame) => {
    if (!`${frame.data.name}\n${frame.data.file}`.toLowerCase().includes(wanted)) return;
    found.add(frame);
    if (!frame.ancestors().some((above) => above !== frame && found.has(above))) ms += frame.data.totalMs;
  });
  return { found, ms };
}

/** The frame that an arrow key leads to. */
export function neighbour(frame: Frame, key: string): Frame | undefined {
  const beside = frame.parent?.children ?? [];
  switch (key) {
    case "ArrowUp":
      return frame.parent ?? undefined;
    case "ArrowDown":
      return frame.children?.[0];
    case "ArrowLeft":
      return beside[beside.indexOf(frame) - 1];
    case "ArrowRight":
      return beside[beside.indexOf(frame) + 1];
    default:
      return undefined;
  }
}
