import type { Percentiles } from "./percentiles.ts";

/** What the client of a load saw; in `run.json` and in reports. Times are ms. */
export interface LoadSummary {
  /** "open" keeps its schedule whatever the worker does; "closed" waits for a job before it sends the next. */
  kind: "open" | "closed";
  description: string;
  sent: number;
  completed: number;
  failed: number;
  unfinished: number;
  /** Requests that have added no job, or only jobs that were there already. */
  withoutJob?: number;
  /** Why jobs failed or were refused, the most frequent reason first. */
  failures?: { reason: string; count: number }[];
  /** Ended early by its user: jobs that had not ended say nothing. */
  interrupted?: true;
  ratePerSecond?: number;
  throughputPerSecond: number;
  /** Of completed jobs, from the planned sending to the end of the job; absent when there are none. */
  total?: Percentiles;
  /** Of the request alone; absent when none was answered. */
  request?: Percentiles;
  /** How late requests left, against their schedule. */
  lateness?: Percentiles;
  /** Jobs whose end was looked for too late, as the load generator had too much to do: their totals are too long. */
  seenLate?: number;
}
