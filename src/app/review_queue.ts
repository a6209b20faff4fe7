import { setTimeout as sleep } from "node:timers/promises";
import {
  type BackendFactory,
  type ConnectionOptions,
  createRedisBackend,
  type IQueueBackend,
  type Processor,
  Queue,
  QueueEvents,
  Worker,
} from "bullmq";
import { UserError } from "../terminal/user_error.ts";
import { JOB_LOCK } from "./job_lock.ts";
import type { Log } from "./log.ts";
import { createStoreBackend } from "./postgres_backend.ts";
import type { Review, ReviewJob } from "./review/review.ts";
import { isRefusal, reasonOf, type StoreClient, watchStore } from "./store_watch.ts";
import { within } from "./within.ts";

export type ReviewQueue = Queue<ReviewJob, Review, string, ReviewJob, Review, string, IQueueBackend>;
export type ReviewEvents = ReturnType<typeof openReviewEvents>;
export type ReviewWorker = Worker<ReviewJob, Review, string, IQueueBackend>;

export interface StoreOptions {
  /** `redis://`, `rediss://`, `postgres://` or `postgresql://`. */
  url: string;
  log: Log;
  /** Ends the wait for the store, at the start and whenever it goes away later. */
  signal: AbortSignal;
  /** How long the store may take to come up. @default {20_000} */
  timeoutMs?: number;
}

const NAME = "reviews";
/** Finished jobs that stay readable, of each kind. */
const KEEP = { count: 1_000 };
/** One try to connect. */
const CONNECT_MS = 5_000;

/**
 * Opens the queue for adding and reading jobs, once the store answers.
 *
 * @throws {UserError} when the store does not answer in time, or refuses the user
 */
export function openReviewQueue(options: StoreOptions): Promise<ReviewQueue> {
  const { connection, createBackend } = connectTo(options);
  const queueOptions = {
    // Redis: a request fails at once while the store is away, and does not wait for its return.
    connection: { ...connection, enableOfflineQueue: false },
    defaultJobOptions: { removeOnComplete: KEEP, removeOnFail: KEEP },
  };
  return whenReady(options, (): ReviewQueue => new Queue(NAME, queueOptions, createBackend));
}

/**
 * Opens a worker that runs `process`, once the store answers; `run()` starts it.
 *
 * @throws {UserError} when the store does not answer in time, or refuses the user
 */
export function openReviewWorker(
  process: Processor<ReviewJob, Review>,
  { concurrency, ...options }: StoreOptions & { concurrency: number },
): Promise<ReviewWorker> {
  const { connection, createBackend } = connectTo(options);
  const workerOptions = {
    connection,
    concurrency,
    // A worker that runs before its first connection never recovers when that one fails.
    autorun: false,
    ...JOB_LOCK,
    // The default of 15 s is how long a worker would stay idle after the store has come back.
    runRetryDelay: 1_000,
  };
  return whenReady(options, (): ReviewWorker => new Worker(NAME, process, workerOptions, createBackend));
}

/** Opens what reads the events of the queue; `run()` starts it. */
export function openReviewEvents(options: Pick<StoreOptions, "url" | "signal">) {
  const { connection, createBackend } = connectTo(options);
  // PostgreSQL: a notice between a look and the wait after it is missed, so it looks again after this.
  return new QueueEvents(NAME, { connection, autorun: false, blockingTimeout: 1_000 }, createBackend);
}

/** What kind of store an address names. */
export function storeKind(url: string): "postgres" | "redis" {
  return url.startsWith("postgres") ? "postgres" : "redis";
}

interface Connection {
  connection: ConnectionOptions;
  createBackend: BackendFactory<IQueueBackend>;
}

function connectTo({ url, signal }: Pick<StoreOptions, "url" | "signal">): Connection {
  if (storeKind(url) === "redis") {
    // BullMQ's default waits up to 20 s between two tries, and tries for ever.
    const retryStrategy = (tries: number) => (signal.aborted ? null : Math.min(tries * 100, 1_000));
    return { connection: { url, retryStrategy }, createBackend: createRedisBackend };
  }
  // The API and the worker may both migrate: BullMQ takes an advisory lock for it.
  const connection = { connectionString: url, migrate: true, connectionTimeoutMillis: CONNECT_MS };
  return { connection, createBackend: createStoreBackend };
}

async function whenReady<T extends StoreClient>(
  { url, log, signal, timeoutMs = 20_000 }: StoreOptions,
  open: () => T,
): Promise<T> {
  const store = storeKind(url);
  const deadline = performance.now() + timeoutMs;
  let reason: string | undefined;
  const note = (error: unknown) => {
    if (reason === reasonOf(error)) return;
    reason = reasonOf(error);
    log.info({ store, reason }, "waiting for the queue store");
  };
  for (;;) {
    const client = open();
    let last: unknown; // what the driver says, which a timeout would hide
    let remember!: (error: Error) => void;
    const refused = new Promise<never>((_, reject) => {
      remember = (error) => {
        if (client.closing) return;
        last = error;
        note(error);
        if (isRefusal(error)) reject(error);
      };
    });
    client.on("error", remember);
    try {
      await within(Promise.race([client.waitUntilReady(), refused]), CONNECT_MS, "connect");
      watchStore(client, log);
      client.off("error", remember);
      return client;
    } catch (error) {
      client.close().catch(() => {});
      note(last ?? error);
      if (isRefusal(last ?? error)) {
        // Without the cause: a driver's error may hold the command with the password.
        throw new UserError(`Cannot use the queue store (${store}) of QUEUE_URL: ${reason}`, {
          next: "correct user, password and database in QUEUE_URL",
        });
      }
      if (performance.now() > deadline) {
        throw new UserError(`Cannot reach the queue store (${store}) within ${timeoutMs / 1_000} s: ${reason}`, {
          next: "make otel-up",
          cause: error,
        });
      }
    }
    await sleep(250, undefined, { signal });
  }
}
