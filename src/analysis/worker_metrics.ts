import { type Point, processOf } from "../otlp/read_points.ts";
import * as names from "../telemetry/names.ts";
import { Counter } from "./counter.ts";
import { SERIES, type SeriesDefinition } from "./metric_series.ts";
import type { Timeline } from "./report.ts";
import { TimeBuckets } from "./time_buckets.ts";

export interface WorkerMetricsOptions {
  /** Whose points count. */
  services: ReadonlySet<string>;
  /** Where the timeline begins and ends, Unix time. */
  beginMs: number;
  endMs: number;
  /** When jobs ran, Unix time. */
  fromMs: number;
  untilMs: number;
}

/** Of one process and one set of attributes. */
interface Channel {
  process: string;
  buckets: TimeBuckets;
  counter: Counter;
  newest: number;
  /** The most while jobs ran. */
  most: number;
  sum: number;
  count: number;
}

/** Between two readings, ms. */
const READ_MS = 1_000;
/** Pairs of process and attributes that are kept of a metric. */
const MOST_CHANNELS = 256;
/** What is read without being drawn. */
const READ = [
  ...[names.EVENT_LOOP_TIME, names.HEAP_LIMIT, names.CGROUP_MEMORY_LIMIT, names.CGROUP_CPU_LIMIT],
  ...[names.CGROUP_CPU_PERIODS, names.CGROUP_CPU_THROTTLED_PERIODS, names.CGROUP_OOM_KILLS],
  ...[names.WORKER_CONCURRENCY, names.WORKER_LOCK_DURATION, names.WORKER_LOCK_RENEW_TIME, names.WORKER_LOCKS_LOST],
];

/** The runtime metrics of the processes that ran jobs. */
export class WorkerMetrics {
  /** Points of these processes that were read. */
  points = 0;
  readonly #options: WorkerMetricsOptions;
  readonly #definitions = new Map<string, SeriesDefinition | undefined>([
    ...READ.map((metric): [string, undefined] => [metric, undefined]),
    ...SERIES.map((each): [string, SeriesDefinition] => [each.metric, each]),
  ]);
  readonly #channels = new Map<string, Map<string, Channel>>();

  constructor(options: WorkerMetricsOptions) {
    this.#options = options;
  }

  add(point: Point): void {
    const { metric, value, service, timeNs } = point;
    if (!this.#definitions.has(metric) || !Number.isFinite(value) || !this.#options.services.has(service)) return;
    const definition = this.#definitions.get(metric);
    const atMs = Number(timeNs) / 1e6;
    const channel = this.#channelOf(point, definition?.keep ?? "max");
    if (!channel) return;
    this.points++;
    const rate = channel.counter.add(atMs, value);
    channel.newest = value;
    const { fromMs, untilMs, endMs } = this.#options;
    // A reading tells of the second before it, which may be the last of the jobs'.
    if (atMs >= fromMs && atMs <= untilMs + READ_MS) channel.most = Math.max(channel.most, value);
    if (atMs >= fromMs && atMs <= untilMs) {
      channel.sum += value;
      channel.count++;
    }
    const shown = definition?.isCounter ? rate : value;
    if (definition && shown !== undefined && atMs <= endMs + READ_MS)
      channel.buckets.add(atMs, shown * definition.scale);
  }

  has(metric: string): boolean {
    return this.#channels.has(metric);
  }

  /** How much a counter grew while jobs ran, over all processes; of those with an attribute's value when one is given. */
  change(metric: string, value?: string): number | undefined {
    const counters = [...this.#of(metric)].filter(
      ([key]) => value === undefined || key.includes(JSON.stringify(value)),
    );
    const covered = counters.filter(([, { counter }]) => counter.coveredMs > 0);
    return covered.length ? covered.reduce((total, [, { counter }]) => total + counter.change, 0) : undefined;
  }

  /** The most of any process while jobs ran, the sum over its attributes. */
  most(metric: string): number | undefined {
    return greatest(this.#byProcess(metric, ({ most }) => most));
  }

  /** The newest of any process, the sum over its attributes. */
  newest(metric: string): number | undefined {
    return greatest(this.#byProcess(metric, ({ newest }) => newest));
  }

  /** The least of the newest, of any process and attributes. */
  least(metric: string): number | undefined {
    const newest = [...this.#of(metric).values()].map((channel) => channel.newest);
    return newest.length ? Math.min(...newest) : undefined;
  }

  /** The mean of the readings while jobs ran, summed over processes, and how many there were. */
  mean(metric: string): { value: number; samples: number } | undefined {
    const seen = [...this.#of(metric).values()].filter(({ count }) => count > 0);
    if (seen.length === 0) return undefined;
    return {
      value: seen.reduce((total, { sum, count }) => total + sum / count, 0),
      samples: seen.reduce((total, { count }) => total + count, 0),
    };
  }

  /** Processes that sent it. */
  processes(metric: string): number {
    return this.#byProcess(metric, () => 0).length;
  }

  series(): Timeline["series"] {
    return SERIES.flatMap((definition) => {
      const channels = [...this.#of(definition.metric).values()];
      if (channels.length === 0) return [];
      const widthMs = Math.max(...channels.map(({ buckets }) => buckets.widthMs));
      const t: number[] = [];
      const values: number[] = [];
      for (const [at, value] of combine(channels, widthMs, definition.across).entries()) {
        if (value === undefined) continue;
        t.push((at + 0.5) * widthMs);
        values.push(value);
      }
      const limit = definition.limit ? this.newest(definition.limit) : undefined;
      const { name, unit, scale } = definition;
      if (values.length === 0) return [];
      return [{ name, unit, ...(limit === undefined ? {} : { limit: limit * scale }), t, values }];
    });
  }

  #of(metric: string): ReadonlyMap<string, Channel> {
    return this.#channels.get(metric) ?? new Map();
  }

  #byProcess(metric: string, figure: (channel: Channel) => number): number[] {
    const sums = new Map<string, number>();
    for (const channel of this.#of(metric).values()) {
      sums.set(channel.process, (sums.get(channel.process) ?? 0) + figure(channel));
    }
    return [...sums.values()];
  }

  #channelOf(point: Point, keep: "max" | "mean"): Channel | undefined {
    const channels = this.#channels.get(point.metric) ?? new Map<string, Channel>();
    this.#channels.set(point.metric, channels);
    const process = processOf(point).slice(0, 100);
    const key = `${process} ${JSON.stringify(Object.values(point.attributes).map((value) => String(value).slice(0, 50)))}`;
    const known = channels.get(key);
    if (known || channels.size >= MOST_CHANNELS) return known;
    const { beginMs, fromMs, untilMs } = this.#options;
    const channel = {
      ...{ process, buckets: new TimeBuckets(keep, beginMs), counter: new Counter(fromMs, untilMs) },
      ...{ newest: 0, most: 0, sum: 0, count: 0 },
    };
    channels.set(key, channel);
    return channel;
  }
}

function combine(channels: Channel[], widthMs: number, across: "max" | "sum"): (number | undefined)[] {
  const processes = new Map<string, (number | undefined)[]>();
  for (const { process, buckets } of channels) {
    buckets.widenTo(widthMs);
    processes.set(
      process,
      merge(processes.get(process), buckets.values(), (a, b) => a + b),
    );
  }
  return [...processes.values()].reduce((all, each) => merge(all, each, across === "sum" ? (a, b) => a + b : Math.max));
}

function merge(
  a: (number | undefined)[] | undefined,
  b: (number | undefined)[],
  how: (a: number, b: number) => number,
): (number | undefined)[] {
  if (!a) return b;
  return b.map((value, at) => {
    const other = a[at];
    return value === undefined ? other : other === undefined ? value : how(other, value);
  });
}

const greatest = (values: number[]) => (values.length ? Math.max(...values) : undefined);
