import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { context, type Meter, metrics, propagation, type Tracer, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";

import type { FlowProducer, Job, Processor, Queue, QueueOptions, Worker, WorkerOptions } from "bullmq";
import * as bullmq from "bullmq";
import { Redis } from "ioredis";
import { WorkerFacts } from "../src/telemetry/metrics/worker_facts.ts";
import { patchBullmq } from "../src/telemetry/spans/bullmq.ts";
import { Producers } from "../src/telemetry/spans/producers.ts";
import { RequeuedJobs } from "../src/telemetry/spans/requeue.ts";
import { RunningAttempts } from "../src/telemetry/spans/running_attempts.ts";

import { waitFor } from "../src/wait_for.ts";
import { startTestRedis, startTestStore } from "./store.ts";

/** A BullMQ, and the store that it runs on in tests. */
export interface Library {
  name: string;
  /** Why it cannot be tested here. */
  skip?: string | false;
  bullmq: typeof bullmq;
  openStore(): Promise<{ url: string; options: QueueOptions; backend: unknown[]; close(): Promise<void> }>;
}

const onRedis: Omit<Library, "name" | "bullmq"> = {
  skip: spawnSync("redis-server", ["--version"]).error ? "no redis-server is installed" : false,
  async openStore() {
    const redis = await startTestRedis();
    if (!redis) throw new Error("Cannot run jobs: no redis-server is installed");
    const client = new Redis(redis.url, { retryStrategy: () => 10 }); // BullMQ waits for 1 s between two tries
    client.on("error", () => {}); // until it is up
    await client.ping();
    client.disconnect();
    const { url, child } = redis;
    return { url, options: { connection: { url } }, backend: [], close: async () => void child.kill() };
  },
};

export const LIBRARIES: Library[] = [
  { name: "BullMQ 6", bullmq, ...onRedis },
  // Its types differ in what no test uses.
  { name: "BullMQ 5", bullmq: createRequire(import.meta.url)("bullmq5"), ...onRedis },
];

/** Runs everywhere, and takes longer. */
export const ON_POSTGRES: Library = {
  name: "BullMQ 6 on PostgreSQL",
  bullmq,
  async openStore() {
    const store = await startTestStore();
    const connection = { connectionString: store.url, migrate: true } as QueueOptions["connection"];
    const { url } = store;
    return { url, options: { connection }, backend: [bullmq.createPostgresBackend], close: () => store.close() };
  },
};

export interface Session {
  queue: Queue;
  flow: FlowProducer;
  worker: Worker;
  /** The address of the store. */
  url: string;
  ended(id: string): Promise<void>;
}

export interface RunJobsOptions extends Partial<WorkerOptions> {
  library: Library;
  retryAs?: "parent" | "link";
  /** @default {metrics.getMeter("test")} */
  meter?: Meter;
  /** The processor runs in a process or a thread of its own. */
  sandbox?: "process" | "thread";
  /** What the jobs do, instead of what is said below. */
  processor?: (job: Job, token?: string, signal?: AbortSignal) => unknown;
  /** Of the queue and the worker. @default {trace.getTracer("test")} */
  tracer?: Tracer;
  /** Told each span when it has ended. */
  onEnd?: (span: ReadableSpan) => void;
}

/** Otherwise BullMQ hands on the flags of Node 24's test runner, changed so that Node refuses them. */
const sandboxOptions = { workerForkOptions: { execArgv: [] }, workerThreadsOptions: { execArgv: [] } };

/**
 * Runs `drive` against a real queue and worker and returns the spans that ended. A job fails at first when its data say
 * `failFirst`, and adds the job `thenAdd`.
 */
export async function runJobs(
  drive: (session: Session) => Promise<void>,
  {
    library,
    retryAs = "parent",
    meter,
    tracer: theirs,
    sandbox,
    processor,
    onEnd = () => {},
    ...options
  }: RunJobsOptions,
): Promise<ReadableSpan[]> {
  const store = await library.openStore();
  const exporter = new InMemorySpanExporter();
  const nothing = async () => {};
  const told: SpanProcessor = { onStart() {}, onEnd, forceFlush: nothing, shutdown: nothing };
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter), told] });
  provider.register();
  const tracer = theirs ?? trace.getTracer("test");
  const running = new RunningAttempts();
  const unpatch = patchBullmq(library.bullmq, {
    producers: new Producers(tracer),
    attempts: { tracer, ledger: undefined, running, requeued: new RequeuedJobs(), retryAs },
    workers: new WorkerFacts(meter ?? metrics.getMeter("test"), { running, flush: async () => {} }),
  });
  // The types know the methods of Redis' backend alone.
  const backend = store.backend as [];
  const { telemetry } = options;
  const queue = new library.bullmq.Queue("work", { ...store.options, ...(telemetry ? { telemetry } : {}) }, ...backend);
  const run = async (job: Job): Promise<unknown> => {
    if (job.data.failFirst && job.attemptsMade === 0) throw new RangeError("not yet");
    if (job.data.thenAdd) await queue.add("added", {}, { jobId: job.data.thenAdd });
    return trace.getTracer("test").startActiveSpan("step", async (span) => {
      span.end();
      return { secret: "result" };
    });
  };
  const flow = new library.bullmq.FlowProducer(store.options, ...backend);
  const ignore = () => {}; // the store begins a little later, and ends before the last poll
  queue.on("error", ignore);
  flow.on("error", ignore);
  try {
    await queue.waitUntilReady();
    const worker = new library.bullmq.Worker(
      "work",
      sandbox ? join(import.meta.dirname, "sandboxed_processor.mjs") : ((processor ?? run) as Processor), // some return no promise
      // A worker that is closed while it begins would look for stalled jobs for ever.
      {
        ...store.options,
        skipStalledCheck: true,
        ...options,
        ...sandboxOptions,
        useWorkerThreads: sandbox === "thread",
      },
      ...backend,
    );
    const finished = new Set<string>();
    const note = (job?: Job) => void (job?.finishedOn && finished.add(String(job.id)));
    worker.on("completed", note).on("failed", note);
    worker.on("error", ignore);
    // What is closed while it connects, by a test that adds no job, leaves a rejection that nobody can handle.
    await Promise.all([worker.waitUntilReady(), flow.waitUntilReady()]);
    try {
      await drive({
        queue,
        flow,
        worker,
        url: store.url,
        ended: async (id) => void (await waitFor(() => finished.has(id) || undefined, `the end of ${id}`)),
      });
    } finally {
      await worker.close();
    }
    return exporter.getFinishedSpans();
  } finally {
    await flow.close();
    await queue.close();
    await store.close();
    unpatch();
    for (const api of [trace, context, propagation]) api.disable();
  }
}
