import { type Meter, ValueType } from "@opentelemetry/api";
import { ACTIVE_JOBS } from "../names.ts";

/** Reports how many jobs run, from the first one on: a process without a worker reports nothing. */
export function countActiveJobs(meter: Meter): { begin(): void; end(): void } {
  let active: number | undefined;
  meter
    .createObservableUpDownCounter(ACTIVE_JOBS, { unit: "{job}", valueType: ValueType.INT })
    .addCallback((result) => {
      if (active !== undefined) result.observe(active);
    });
  return {
    begin() {
      active = (active ?? 0) + 1;
    },
    end() {
      if (active) active--;
    },
  };
}
