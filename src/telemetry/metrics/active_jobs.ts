import { type Meter, ValueType } from "@opentelemetry/api";
import { ACTIVE_JOBS } from "../names.ts";

/** Reports how many jobs run; a process without a worker reports nothing. */
export function observeActiveJobs(meter: Meter, count: () => number | undefined): void {
  meter
    .createObservableUpDownCounter(ACTIVE_JOBS, { unit: "{job}", valueType: ValueType.INT })
    .addCallback((result) => {
      const active = count();
      if (active !== undefined) result.observe(active);
    });
}
