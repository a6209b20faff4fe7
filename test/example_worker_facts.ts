import type { Point } from "../src/otlp/read_points.ts";
import * as names from "../src/telemetry/names.ts";

/** What a worker of BullMQ says of itself at one second of Unix time. */
export interface ExampleWorker {
  instance: string;
  second: number;
  /** When it began, likewise. @default {1} */
  began?: number;
  /** Of the part of a local stack. */
  partId?: string;
  /** @default {"worker"} */
  service?: string;
  isReady?: boolean;
  queues: Record<string, { concurrency: number; lockSeconds?: number; renewSeconds?: number; lostLocks?: number }>;
}

/** The points that it sends, the heap limit first. */
export function workerPoints({
  instance,
  second,
  began = 1,
  service = "worker",
  isReady = true,
  partId,
  queues,
}: ExampleWorker): Point[] {
  const resource = {
    "service.name": service,
    "service.instance.id": instance,
    "process.pid": `pid of ${instance}`,
    [names.PROCESS_COMMAND]: "/app/dist/worker.js",
    ...(partId === undefined ? {} : { [names.PART_ID]: partId }),
  };
  const ns = (seconds: number) => BigInt(seconds * 1_000) * 1_000_000n;
  const point = (metric: string, value: number, queue?: string): Point => ({
    ...{ metric, value, timeNs: ns(second), startNs: ns(began), service, resource },
    attributes: queue === undefined ? {} : { [names.MESSAGING_DESTINATION_NAME]: queue },
  });
  return [
    point(names.HEAP_LIMIT, 448 * 2 ** 20),
    point(names.CGROUP_CPU_LIMIT, 0.5),
    point(names.CGROUP_MEMORY_LIMIT, 512 * 2 ** 20),
    ...Object.entries(queues).flatMap(
      ([queue, { concurrency, lockSeconds = 30, renewSeconds = 15, lostLocks = 0 }]) => [
        point(names.WORKER_CONCURRENCY, concurrency, queue),
        point(names.WORKER_LOCK_DURATION, lockSeconds, queue),
        point(names.WORKER_LOCK_RENEW_TIME, renewSeconds, queue),
        point(names.WORKER_LOCKS_LOST, lostLocks, queue),
        point(names.WORKER_READY, Number(isReady), queue),
      ],
    ),
  ];
}

/** The line of `metrics.jsonl` that they arrive as. */
export function workerLine(worker: ExampleWorker): string {
  const points = workerPoints(worker);
  const list = (attributes: Point["attributes"]) =>
    Object.entries(attributes).map(([key, value]) => ({ key, value: { stringValue: String(value) } }));
  const metrics = points.map(({ metric, value, timeNs, startNs, attributes }) => ({
    name: metric,
    sum: {
      dataPoints: [
        {
          asDouble: value,
          timeUnixNano: String(timeNs),
          startTimeUnixNano: String(startNs),
          attributes: list(attributes),
        },
      ],
    },
  }));
  const resource = { attributes: list(points[0]!.resource) };
  return `${JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] })}\n`;
}
