/** Of some values, in their unit. */
export interface Percentiles {
  samples: number;
  mean: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
}

/** The percentiles of some values, in any order. */
export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted(byValue);
  return {
    samples: sorted.length,
    mean: sorted.length ? sorted.reduce((total, value) => total + value, 0) / sorted.length : 0,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? 0,
  };
}

/** Of sorted values, with a straight line between two of them; 0 of none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  if (sorted.length === 0) return 0;
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at % 1);
}

const byValue = (a: number, b: number) => a - b;
