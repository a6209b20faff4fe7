// ESM runs static imports first: profiles and tracing only see what is imported after them.
const { initPyroscope } = await import("../src/telemetry/init_pyroscope.ts");
await initPyroscope({ appName: "prodlike-worker" });
const { startOtel } = await import("../src/telemetry/start_otel.ts");
await startOtel({ serviceName: "prodlike-worker" });
const { runService } = await import("../src/app/run_service.ts");
const { startWorker } = await import("../src/app/worker.ts");

await runService("prodlike-worker", startWorker);
