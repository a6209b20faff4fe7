import type { SpanNode } from "./span_node.ts";
import type { TraceTree } from "./trace_tree.ts";

/** How long at least one of the spans was running, no earlier than `fromMs` and no later than `untilMs`. */
export function unionMs(spans: SpanNode[], fromMs: number, untilMs: number): number {
  if (spans.length === 1) return Math.max(0, Math.min(spans[0]!.endMs, untilMs) - Math.max(spans[0]!.startMs, fromMs));
  let totalMs = 0;
  let reachedMs = fromMs;
  for (const { startMs, endMs } of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const from = Math.max(startMs, reachedMs);
    const until = Math.min(endMs, untilMs);
    if (until <= from) continue;
    totalMs += until - from;
    reachedMs = until;
  }
  return totalMs;
}

/** A span's duration without that in which a child of it was running. */
export function selfMs({ nodes, children }: TraceTree, place: number): number {
  const { startMs, endMs } = nodes[place]!;
  const own = children[place]!;
  if (own.length === 0) return endMs - startMs;
  return Math.max(
    0,
    endMs -
      startMs -
      unionMs(
        own.map((child) => nodes[child]!),
        startMs,
        endMs,
      ),
  );
}

/**
 * The longest chain through a span and what it waited for, ms by name: seen from the end, at each moment the child that
 * ended last, and the span itself where none was running. What other children did meanwhile is not on it.
 */
export function criticalPath({ nodes, children }: TraceTree, root: number): Map<string, number> {
  const path = new Map<string, number>();
  const add = (name: string, ms: number) => {
    if (ms > 0) path.set(name, (path.get(name) ?? 0) + ms);
  };
  const { startMs, endMs } = nodes[root]!;
  const rest = [{ place: root, fromMs: startMs, untilMs: endMs }];
  for (let next = rest.pop(); next; next = rest.pop()) {
    const { place, fromMs, untilMs } = next;
    const { name, call } = nodes[place]!;
    let reachedMs = untilMs;
    const below = children[place]!;
    for (const child of below.length > 1 ? below.toSorted((a, b) => nodes[b]!.endMs - nodes[a]!.endMs) : below) {
      const { startMs, endMs } = nodes[child]!;
      if (reachedMs <= fromMs || endMs <= fromMs) break;
      if (startMs >= reachedMs) continue;
      const end = Math.min(endMs, reachedMs);
      add(call ?? name, reachedMs - end);
      const start = Math.max(startMs, fromMs);
      rest.push({ place: child, fromMs: start, untilMs: end });
      reachedMs = start;
    }
    add(call ?? name, reachedMs - fromMs);
  }
  return path;
}
