import * as names from "../telemetry/names.ts";
import { readChanges } from "./read_changes.ts";
import { comesFrom, type Origin, type Point, processOf } from "./read_points.ts";
import { Sending } from "./sending.ts";

/** What the processes of a worker have sent of themselves. */
export interface WorkerFacts extends QueueFacts {
  /** That take jobs; `undefined`: none has said so. */
  processes: number | undefined;
  queues: Record<string, QueueFacts>;
  /** Locks of running jobs that could not be renewed. */
  lostLocks: number | undefined;
  /** Whether jobs of every queue can be taken. */
  isReady: boolean | undefined;
  /** Of the process that has the least; so are the two below. */
  heapLimitBytes: number | undefined;
  cpuLimit: number | undefined;
  memoryLimitBytes: number | undefined;
  /** The program that it runs, a path. */
  command: string | undefined;
}

/** What holds for one queue, or for all together; `undefined`: no process has sent it. */
export interface QueueFacts {
  /** Jobs at once, over all processes. */
  concurrency: number | undefined;
  /** Of the worker whose locks last shortest. */
  lockDurationMs: number | undefined;
  lockRenewMs: number | undefined;
}

export interface WorkerFactsOptions extends Origin {
  /** Lost locks are counted from here on, Unix time. @default when each process began */
  sinceMs?: number;
  /** Later points do not count, Unix time. @default none is */
  untilMs?: number;
}

/** What a worker has sent of itself, by the newest points of its processes that are alive at the end. */
export async function readWorkerFacts(
  points: AsyncIterable<Point> | Iterable<Point>,
  { sinceMs = 0, untilMs = Number.MAX_SAFE_INTEGER, ...origin }: WorkerFactsOptions,
): Promise<WorkerFacts> {
  const sending = new Sending();
  const seen: Point[] = [];
  for await (const point of points) {
    if (!comesFrom(point, origin) || point.timeNs > BigInt(untilMs) * 1_000_000n) continue;
    sending.note(point);
    if (FACTS.has(point.metric)) seen.push(point);
  }
  const alive = sending.alive();
  const ofAlive = seen.filter((point) => alive.has(processOf(point)));
  const newest = withoutClosed(newestOf(ofAlive));
  const values = (metric: string) => valuesOf(newest, metric);
  const lost = await readChanges(ofAlive, { ...origin, metrics: [names.WORKER_LOCKS_LOST], sinceMs });
  const ready = values(names.WORKER_READY);
  const taking = newest.filter(({ metric }) => metric === names.WORKER_CONCURRENCY);
  const queues = [...new Set(newest.map(queueOf))].filter((queue) => queue !== undefined);
  return {
    ...queueFacts(newest),
    processes: new Set(taking.map(processOf)).size || undefined,
    queues: Object.fromEntries(
      queues.map((queue) => [queue, queueFacts(newest.filter((point) => queueOf(point) === queue))]),
    ),
    lostLocks: sum(lost.map(({ by }) => by)),
    isReady: ready.length ? ready.every((value) => value >= 1) : undefined,
    heapLimitBytes: least(values(names.HEAP_LIMIT)),
    cpuLimit: least(values(names.CGROUP_CPU_LIMIT)),
    memoryLimitBytes: least(values(names.CGROUP_MEMORY_LIMIT)),
    command: newest.map(({ resource }) => textOf(resource[names.PROCESS_COMMAND])).findLast(Boolean),
  };
}

const FACTS = new Set([
  ...[names.WORKER_CONCURRENCY, names.WORKER_LOCK_DURATION, names.WORKER_LOCK_RENEW_TIME, names.WORKER_LOCKS_LOST],
  ...[names.WORKER_READY, names.HEAP_LIMIT, names.CGROUP_CPU_LIMIT, names.CGROUP_MEMORY_LIMIT],
]);

/** The newest point of each process, metric and queue. */
function newestOf(points: Point[]): Point[] {
  const newest = new Map<string, Point>();
  for (const point of points.toSorted((a, b) => Number(a.timeNs - b.timeNs)))
    newest.set([point.metric, seriesOf(point)].join(), point);
  return [...newest.values()];
}

/** Without the queues of which a process has closed its workers: it repeats what they were set to. */
function withoutClosed(points: Point[]): Point[] {
  const isNone = ({ metric, value }: Point) => metric === names.WORKER_CONCURRENCY && value === 0;
  const closed = new Set(points.filter(isNone).map(seriesOf));
  return points.filter((point) => !closed.has(seriesOf(point)));
}

function queueFacts(points: Point[]): QueueFacts {
  const renewals = new Map(
    points
      .filter(({ metric }) => metric === names.WORKER_LOCK_RENEW_TIME)
      .map((point) => [seriesOf(point), point.value]),
  );
  const [shortest] = points
    .filter(({ metric }) => metric === names.WORKER_LOCK_DURATION)
    .sort((a, b) => a.value - b.value);
  const renewal = shortest && renewals.get(seriesOf(shortest));
  return {
    concurrency: sum(valuesOf(points, names.WORKER_CONCURRENCY)),
    lockDurationMs: shortest && shortest.value * 1e3,
    lockRenewMs: renewal === undefined ? undefined : renewal * 1e3,
  };
}

function seriesOf(point: Point): string {
  return [processOf(point), queueOf(point)].join();
}

function queueOf({ attributes }: Point): string | undefined {
  return textOf(attributes[names.MESSAGING_DESTINATION_NAME]);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

const valuesOf = (points: Point[], wanted: string) =>
  points.filter(({ metric }) => metric === wanted).map(({ value }) => value);

const sum = (values: number[]) => (values.length ? values.reduce((all, each) => all + each, 0) : undefined);

const least = (values: number[]) => (values.length ? Math.min(...values) : undefined);
