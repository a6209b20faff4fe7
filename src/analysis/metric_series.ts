import * as names from "../telemetry/names.ts";

/** A line of the timeline, and how points of several processes become one. */
export interface SeriesDefinition {
  metric: string;
  name: string;
  unit: string;
  /** From the metric's unit. */
  scale: number;
  /** A counter is shown by how much a second it grows. */
  isCounter?: boolean;
  /** Within a bucket. */
  keep: "max" | "mean";
  /** Over processes; within a process points of several attributes are summed. */
  across: "max" | "sum";
  /** The metric whose value is drawn as a line across. */
  limit?: string;
}

const MB = 1 / 1e6;

/** What the timeline shows of the worker, in this order. */
export const SERIES: readonly SeriesDefinition[] = [
  {
    metric: names.EVENT_LOOP_UTILIZATION,
    name: "event loop utilisation",
    unit: "%",
    scale: 100,
    keep: "mean",
    across: "max",
  },
  {
    metric: names.EVENT_LOOP_DELAY_MAX,
    name: "event loop delay, longest",
    unit: "ms",
    scale: 1e3,
    keep: "max",
    across: "max",
  },
  { metric: names.ACTIVE_JOBS, name: "jobs in progress", unit: "jobs", scale: 1, keep: "max", across: "sum" },
  {
    metric: names.PROCESS_CPU_TIME,
    name: "CPU",
    unit: "cores",
    scale: 1,
    isCounter: true,
    keep: "mean",
    across: "sum",
    limit: names.CGROUP_CPU_LIMIT,
  },
  {
    metric: names.MAIN_THREAD_CPU_TIME,
    name: "CPU of the main thread",
    unit: "cores",
    scale: 1,
    isCounter: true,
    keep: "mean",
    across: "max",
  },
  {
    metric: names.CGROUP_CPU_THROTTLED_TIME,
    name: "throttled, over its threads",
    unit: "s/s",
    scale: 1,
    isCounter: true,
    keep: "mean",
    across: "max",
  },
  {
    metric: names.GC_DURATION,
    name: "garbage collection",
    unit: "% of time",
    scale: 100,
    isCounter: true,
    keep: "mean",
    across: "max",
  },
  {
    metric: names.HEAP_SPACE_USED,
    name: "heap in use",
    unit: "MB",
    scale: MB,
    keep: "max",
    across: "max",
    limit: names.HEAP_LIMIT,
  },
  { metric: names.PROCESS_MEMORY_USAGE, name: "resident memory", unit: "MB", scale: MB, keep: "max", across: "sum" },
  {
    metric: names.CONTAINER_MEMORY_USAGE,
    name: "memory of the container",
    unit: "MB",
    scale: MB,
    keep: "max",
    across: "max",
    limit: names.CGROUP_MEMORY_LIMIT,
  },
];
