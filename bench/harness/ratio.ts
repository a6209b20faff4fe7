/** Quantiles of Student's t for a 95 % interval by degrees of freedom; the last for all above. */
const T95 = [12.71, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.1];

/** A ratio with its 95 % interval. */
export interface Ratio {
  ratio: number;
  low: number;
  high: number;
}

/**
 * The geometric mean of the ratios of two figures that were measured in the same rounds: a machine that slows down slows
 * both. Two rounds or more.
 */
export function ratioOf(figures: number[], base: number[]): Ratio {
  const logs = figures.map((each, round) => Math.log(each / base[round]!));
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
  const deviation = Math.sqrt(logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1));
  const half = (T95[Math.min(logs.length - 2, T95.length - 1)]! * deviation) / Math.sqrt(logs.length);
  return { ratio: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) };
}

export function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
