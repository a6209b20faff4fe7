import { join } from "node:path";
import { context, metrics, propagation, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import {
  type ConnectionOptions,
  createPostgresBackend,
  type createRedisBackend,
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
}

/** Otherwise BullMQ hands on the flags of Node 24's test runner, changed so that Node refuses them. */
const sandboxOptions = { workerForkOptions: { execArgv: [] }, workerThreadsOptions: { execArgv: [] } };

/**
 * Runs `drive` against a real queue and worker and returns the spans that ended. A job fails at first when its data say
 * `failFirst`, and adds the job `thenAdd`.
 */
export async function runJobs(
  drive: (session: Session) => Promise<void>,
  { retryAs = "parent", sandbox, ...options }: RunJobsOptions = {},
): Promise<ReadableSpan[]> {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  const meter = metrics.getMeter("test");
  const instrumentation = createInstrumentation(trace.getTracer("test"), { meter, ledger: undefined, retryAs });
  const store = await startTestStore();
  const shared = {
    connection: { connectionString: store.url, migrate: true } as ConnectionOptions,
    telemetry: instrumentation.queueTelemetry,
  };
  // The types know the methods of Redis' backend alone.
  const backend = createPostgresBackend as unknown as typeof createRedisBackend;
  const queue = new Queue("work", shared, backend);
  const flow = new FlowProducer(shared, backend);
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
    const ignore = () => {}; // the store ends before the last poll
    queue.on("error", ignore);
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
    await store.close();
    for (const api of [trace, context, propagation]) api.disable();
  }
}
