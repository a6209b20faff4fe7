// One worker of the verdicts benchmark, in a process of its own. Telemetry comes before everything else, as in an application.
// Says "ready"; "flush" has it send what is pending, and say "flushed"; it ends when its parent lets go of it.
const { initPyroscope } = await import("../../src/telemetry/init_pyroscope.ts");
await initPyroscope({ appName: "prodlike-worker" });
const { startOtel } = await import("../../src/telemetry/start_otel.ts");
await startOtel({ serviceName: "prodlike-worker" });
const { Worker } = await import("bullmq");
const { createSteps, keep } = await import("./steps.ts");
const { waitFor } = await import("../../src/wait_for.ts");
const { serveParent } = await import("./parent.ts");

const { SETTING = "", QUEUE = "", QUEUE_URL = "", SERVICE_URL = "", TURNS_PER_MS = "" } = process.env;
const { concurrency, types, keptMb = 0 } = JSON.parse(SETTING);
const kept = keep(keptMb);
const work = createSteps({ types }, { turnsPerMs: Number(TURNS_PER_MS), serviceUrl: SERVICE_URL });
const worker = new Worker(QUEUE, work, {
  connection: { url: QUEUE_URL },
  concurrency,
});
let running = 0;
worker.on("active", () => running++);
for (const ended of ["completed", "failed"] as const) worker.on(ended, () => running--);
worker.on("error", (error) => process.stderr.write(`worker: ${error.message}\n`));
await worker.waitUntilReady();
const isIdle = () => (running === 0 ? true : undefined);
serveParent({
  idle: () => waitFor(async () => isIdle(), "the end of the warm-up"),
  async close() {
    await worker.close();
    kept.length = 0;
  },
});
