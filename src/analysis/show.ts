/** As people read it in a sentence. */
export function showMs(ms: number): string {
  if (Math.abs(ms) >= 10_000) return `${showNumber(ms / 1e3)} s`;
  return `${showNumber(ms)} ms`;
}

/** Three digits, or all before the point. */
export function showNumber(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

export const showShare = (share: number) => `${Math.round(100 * share)} %`;
