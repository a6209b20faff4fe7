/** The largest amounts that one page holds. */
export interface Bounds {
  lanes: number;
  rows: number;
  points: number;
  traces: number;
  spans: number;
  functions: number;
}

/** To 10 us, which is finer than a pixel. */
export const round = (ms: number) => Math.round(ms * 100) / 100;
