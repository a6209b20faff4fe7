import { join } from "node:path";
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import {
  type ConnectionOptions,
  createPostgresBackend,
  createRedisBackend,
  FlowProducer,
  type Job,
  Queue,
  Worker,
} from "bullmq";
import { createInstrumentation } from "../src/telemetry/spans/instrumentation.ts";
import { waitFor } from "../src/wait_for.ts";
import { startTestStore } from "./store.ts";

export interface Session {
  queue: Queue;
  flow: FlowProducer;
  ended(id: string): Promise<void>;
}

export interface RunJobsOptions {
  retryAs?: "parent" | "link";
  /** BullMQ's. */
  maxStartedAttempts?: number;
  /** The processor runs in a process or a thread of its own. */
  sandbox?: "process" | "thread";
  /** Told each span when it has ended. */
  onEnd?: (span: ReadableSpan) => void;
  /** Of a Redis. @default a PostgreSQL of its own */
  redisUrl?: string;
}

/** Otherwise BullMQ hands on the flags of Node 24's test runner, changed so that Node refuses them. */
const sandboxOptions = { workerForkOptions: { execArgv: [] }, workerThreadsOptions: { execArgv: [] } };

/**
 * Runs `drive` against a real queue and worker and returns the spans that ended. A job fails at first when its data say
 * `failFirst`, and adds the job `thenAdd`.
 */
export async function runJobs(
  drive: (session: Session) => Promise<void>,
  { retryAs = "parent", sandbox, onEnd = () => {}, redisUrl, ...options }: RunJobsOptions = {},
): Promise<ReadableSpan[]> {
  const exporter = new InMemorySpanExporter();
  const nothing = async () => {};
  const told: SpanProcessor = { onStart() {}, onEnd, forceFlush: nothing, shutdown: nothing };
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter), told] });
  provider.register();
  const meter = metrics.getMeter("test");
  const instrumentation = createInstrumentation(trace.getTracer("test"), { meter, ledger: undefined, retryAs });
  const store = redisUrl === undefined ? await startTestStore() : undefined;
  const shared = {
    connection: (store ? { connectionString: store.url, migrate: true } : { url: redisUrl }) as ConnectionOptions,
    telemetry: instrumentation.queueTelemetry,
  };
  // The types know the methods of Redis' backend alone.
  const backend = store ? (createPostgresBackend as unknown as typeof createRedisBackend) : createRedisBackend;
  const queue = new Queue("work", shared, backend);
  const flow = new FlowProducer(shared, backend);
  const ignore = () => {}; // the store begins after the first poll, and ends before the last
  queue.on("error", ignore);
  flow.on("error", ignore);
  try {
    await queue.waitUntilReady();
    const process = (job: Job) =>
      instrumentation.observeJob(job, async () => {
        if (job.data.failFirst && job.attemptsMade === 0) throw new RangeError("not yet");
        if (job.data.thenAdd) await queue.add("added", {}, { jobId: job.data.thenAdd });
        return instrumentation.stage("step", async () => ({ secret: "result" }));
      });
    const worker = new Worker(
      "work",
      sandbox ? join(import.meta.dirname, "sandboxed_processor.mjs") : process,
      { ...shared, ...options, ...sandboxOptions, useWorkerThreads: sandbox === "thread" },
      backend,
    );
    const finished = new Set<string>();
    const note = (job?: Job) => void (job?.finishedOn && finished.add(String(job.id)));
    worker.on("completed", note).on("failed", note);
    worker.on("error", ignore);
    try {
      await drive({
        queue,
        flow,
        ended: async (id) => void (await waitFor(() => finished.has(id) || undefined, `the end of ${id}`)),
      });
    } finally {
      await worker.close();
    }
    return exporter.getFinishedSpans();
  } finally {
    await flow.close();
    await queue.close();
    await store?.close();
    for (const api of [trace, context, propagation]) api.disable();
  }
}
