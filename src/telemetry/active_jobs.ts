import { type Meter, ValueType } from "@opentelemetry/api";
import { ACTIVE_JOBS } from "./attributes.ts";

/** Runs a job and counts it while it runs. */
export type CountJob = <T>(run: () => Promise<T>) => Promise<T>;

/** Reports how many jobs run, from the first one on: a process without a worker reports nothing. */
export function countActiveJobs(meter: Meter): CountJob {
  let active: number | undefined;
  meter
    .createObservableUpDownCounter(ACTIVE_JOBS, { unit: "{job}", valueType: ValueType.INT })
    .addCallback((result) => {
      if (active !== undefined) result.observe(active);
    });
  return async (run) => {
    active = (active ?? 0) + 1;
    try {
      return await run();
    } finally {
      active--;
    }
  };
}
