import type { Percentiles } from "../analysis/report.ts";

/** Of the values themselves, by nearest rank; `undefined` when there are none. Sorts them. */
export function percentiles(values: number[]): Percentiles | undefined {
  if (values.length === 0) return undefined;
  values.sort((a, b) => a - b);
  const at = (share: number) => values[Math.ceil(share * values.length) - 1]!;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { samples: values.length, mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
