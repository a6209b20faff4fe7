/**
 * How long a worker that gives no sign of life keeps its jobs, in ms. A job whose lock has run out is started again,
 * once: by then its worker is dead, or it has been blocked, or cut off from the store, for longer than that.
 */
export const JOB_LOCK = {
  /** More than 10 s without the store, and the second for which the largest file blocks the thread. */
  lockDuration: 15_000,
  lockRenewTime: 2_000,
  /** Between two looks for locks that have run out. A job is taken at the second look that sees it. */
  stalledInterval: 2_000,
};

/** The longest that a job of a dead worker waits for its retry once a worker runs, in ms. */
export const RETRIED_WITHIN_MS = JOB_LOCK.lockDuration + 2 * JOB_LOCK.stalledInterval;
