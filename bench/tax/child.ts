// One worker that runs jobs and says what they cost it: the child of the tax benchmark. Telemetry comes before everything
// else, as in an application.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Job } from "bullmq";
import type { TaxTelemetry } from "./prodlike.ts";

/** So many jobs come next. */
export interface TaxOrder {
  jobs: number;
  /** Whether a job's time counts from its enqueueing; else from its start. */
  fromEnqueueing: boolean;
}

/** What they took. */
export interface TaxTurn {
  /** Of all threads of the process, until their spans were sent, with the turn's share of what is periodic. */
  cpuUs: number;
  /** To the last completion. */
  ms: number;
  rssMb: number;
  /** Of each job, in ms. */
  tookMs: number[];
}

/** What it holds after garbage has been collected. */
export interface HeapFigures {
  heapBytes: number;
  /** Outside of the heap, held by objects in it. */
  externalBytes: number;
}

const { TELEMETRY = "", TURNS = "", QUEUE = "", QUEUE_URL = "" } = process.env;

const module = TELEMETRY === "prodlike" ? import("./prodlike.ts") : TELEMETRY ? import(TELEMETRY) : undefined;
const { telemetry, flush, periodic }: TaxTelemetry = (await (await module)?.start()) ?? {};
const { Worker } = await import("bullmq");
const { createWork } = await import("./workloads.ts");

const work = createWork(Number(TURNS));
const worker = new Worker(QUEUE, work, {
  connection: { url: QUEUE_URL },
  concurrency: 10,
  ...(telemetry ? { telemetry } : {}),
});
worker.on("error", (error) => process.stderr.write(`${error.message}\n`));
worker.on("failed", (_job, error) => {
  process.stderr.write(`Cannot measure: a job failed: ${error.message}\n`);
  process.exit(1);
});
let onCompleted = (_job: Job) => {};
worker.on("completed", (job) => onCompleted(job));
process.on("message", async (order: TaxOrder | "heap") =>
  process.send?.(order === "heap" ? await measureHeap() : await measure(order)),
);
process.once("disconnect", () => process.exit());
await worker.waitUntilReady();
process.send?.("ready");

async function measure({ jobs, fromEnqueueing }: TaxOrder): Promise<TaxTurn> {
  const tookMs: number[] = [];
  const done = new Promise<void>((resolve) => {
    onCompleted = (job) => {
      tookMs.push(Date.now() - (fromEnqueueing ? job.timestamp : job.processedOn!));
      if (tookMs.length === jobs) resolve();
    };
  });
  process.send?.("measuring");
  const began = { cpu: process.cpuUsage(), ms: performance.now() };
  await done;
  const ms = performance.now() - began.ms;
  await new Promise((resolve) => setImmediate(resolve)); // the span of the last job ends behind its event
  await flush?.();
  const workUs = cpuUsSince(began.cpu);
  const rssMb = process.memoryUsage.rss() / 1e6;
  const afterwards = process.cpuUsage();
  await periodic?.run();
  const shareUs = periodic ? cpuUsSince(afterwards) * (ms / periodic.everyMs) : 0;
  return { cpuUs: workUs + shareUs, ms, rssMb, tookMs };
}

async function measureHeap(): Promise<HeapFigures> {
  setFlagsFromString("--expose-gc");
  const gc: () => void = runInNewContext("gc");
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve)); // what is freed may have callbacks that free more
  }
  const { heapUsed, external } = process.memoryUsage();
  return { heapBytes: heapUsed, externalBytes: external };
}

function cpuUsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
