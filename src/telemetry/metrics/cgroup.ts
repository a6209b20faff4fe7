import { type Meter, ValueType } from "@opentelemetry/api";
import { type Cgroup, type CgroupFigures, openCgroup } from "../../cgroup.ts";
import * as names from "../names.ts";

/** Reports CPU, throttling and memory of the cgroup that this process is in; nothing where there is none. */
export function observeCgroup(meter: Meter, cgroup: Cgroup = openCgroup()): void {
  const bytes = { unit: "By", valueType: ValueType.INT };
  const instruments: Record<keyof CgroupFigures, ReturnType<Meter["createObservableGauge"]>> = {
    cpuSeconds: meter.createObservableCounter(names.CONTAINER_CPU_TIME, { unit: "s" }),
    cpuLimit: meter.createObservableUpDownCounter(names.CGROUP_CPU_LIMIT, { unit: "{cpu}" }),
    periods: meter.createObservableCounter(names.CGROUP_CPU_PERIODS, { unit: "{period}", valueType: ValueType.INT }),
    throttledPeriods: meter.createObservableCounter(names.CGROUP_CPU_THROTTLED_PERIODS, {
      unit: "{period}",
      valueType: ValueType.INT,
    }),
    throttledSeconds: meter.createObservableCounter(names.CGROUP_CPU_THROTTLED_TIME, { unit: "s" }),
    memoryBytes: meter.createObservableUpDownCounter(names.CONTAINER_MEMORY_USAGE, bytes),
    workingSetBytes: meter.createObservableUpDownCounter(names.CONTAINER_MEMORY_WORKING_SET, bytes),
    memoryLimitBytes: meter.createObservableUpDownCounter(names.CGROUP_MEMORY_LIMIT, bytes),
    memoryPeakBytes: meter.createObservableGauge(names.CGROUP_MEMORY_PEAK, bytes),
    oomKills: meter.createObservableCounter(names.CGROUP_OOM_KILLS, { unit: "{process}", valueType: ValueType.INT }),
  };
  meter.addBatchObservableCallback((result) => {
    const figures = cgroup.read();
    for (const key of Object.keys(instruments) as (keyof CgroupFigures)[]) {
      const value = figures[key];
      if (value !== undefined) result.observe(instruments[key], value);
    }
  }, Object.values(instruments));
}
