// One worker that runs jobs and says what a job has cost it: the child of tax.ts. Telemetry is loaded as an application
// loads it, before everything else.
const { VARIANT = "", WORKLOAD = "", TURNS = "", JOBS = "", WARM_UP = "", QUEUE_URL = "" } = process.env;

const isBare = VARIANT === "bare";
if (!isBare) {
  const { initPyroscope } = await import("../src/telemetry/init_pyroscope.ts");
  await initPyroscope({ appName: "tax" });
  const { startOtel } = await import("../src/telemetry/start_otel.ts");
  await startOtel({ serviceName: "tax" });
}

const { Worker } = await import("bullmq");
const { observeJob, queueTelemetry } = await import("../src/telemetry/stages.ts");
const { createWork } = await import("./tax_workloads.ts");

const work = await createWork(WORKLOAD, Number(TURNS));
const observed: typeof work = (job) => observeJob(job, () => work(job));
const worker = new Worker("tax", isBare ? work : observed, {
  connection: { url: QUEUE_URL },
  concurrency: 10,
  autorun: false,
  ...(isBare ? {} : queueTelemetry()),
});
const warmUp = Number(WARM_UP);
const last = warmUp + Number(JOBS);
let began = { cpu: process.cpuUsage(), ms: 0 };
let completed = 0;
const tookMs: number[] = [];
worker.on("completed", (job) => {
  completed++;
  if (completed > warmUp) tookMs.push(Date.now() - job.timestamp);
  if (completed === warmUp) began = { cpu: process.cpuUsage(), ms: performance.now() };
  if (completed !== last) return;
  const { user, system } = process.cpuUsage(began.cpu);
  tookMs.sort((a, b) => a - b);
  process.send?.({
    cpuUsPerJob: (user + system) / Number(JOBS),
    jobsPerSecond: (Number(JOBS) / (performance.now() - began.ms)) * 1e3,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)],
    rssMb: process.memoryUsage.rss() / 1e6,
  });
});
process.once("message", () => void worker.run()); // the jobs are there
process.once("disconnect", () => process.exit());
await worker.waitUntilReady();
process.send?.({ ready: true });
