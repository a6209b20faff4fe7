import { performance } from "node:perf_hooks";

/** libuv's own figures of the event loop; Node's types leave them out. */
export interface LoopTiming {
  /** How long it has waited for events so far, ms. */
  idleTime: number;
  /** How often it has gone round. */
  uvMetricsInfo: { loopCount: number };
}

export function loopTiming(): LoopTiming {
  return performance.nodeTiming as unknown as LoopTiming;
}
