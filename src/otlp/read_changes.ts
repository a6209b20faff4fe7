import { comesFrom, type Origin, type Point, processOf } from "./read_points.ts";
import type { Attributes } from "./types.ts";

/** By how much a cumulative metric has grown in a window. */
export interface Change {
  metric: string;
  attributes: Attributes;
  by: number;
  /** Of a histogram: of how many values `by` is the sum. */
  count: number | undefined;
}

export interface ChangesOptions extends Origin {
  metrics: readonly string[];
  /** When the window begins, Unix time. */
  sinceMs: number;
}

/**
 * By how much cumulative metrics of a service have grown since `sinceMs`, each process by itself. The figures of a process
 * that ran before are counted from the last point before the window; empty when there is none in the window.
 */
export async function readChanges(
  points: AsyncIterable<Point> | Iterable<Point>,
  { metrics, sinceMs, ...origin }: ChangesOptions,
): Promise<Change[]> {
  const sinceNs = BigInt(sinceMs) * 1_000_000n;
  const series = new Map<string, { before: Point | undefined; last: Point }>();
  for await (const point of points) {
    if (!metrics.includes(point.metric) || !comesFrom(point, origin)) continue;
    const key = [processOf(point), point.metric, ...Object.entries(point.attributes)].join();
    const known = series.get(key);
    const before = point.timeNs <= sinceNs ? point : known?.before;
    if (!known || point.timeNs >= known.last.timeNs) series.set(key, { before, last: point });
  }
  return [...series.values()].flatMap(({ before, last }): Change[] => {
    if (last.timeNs <= sinceNs) return []; // it has ended before
    if (!before && last.startNs < sinceNs) return []; // what it had counted before is not known
    const { metric, attributes, value, count } = last;
    return [{ metric, attributes, by: value - (before?.value ?? 0), count: count && count - (before?.count ?? 0) }];
  });
}
