// ESM runs static imports first: profiles and tracing only see what is imported after them.
const { initPyroscope } = await import("../src/telemetry/init_pyroscope.ts");
await initPyroscope({ appName: "prodlike-api" });
const { startOtel } = await import("../src/telemetry/start_otel.ts");
await startOtel({ serviceName: "prodlike-api" });
const { runService } = await import("../src/app/run_service.ts");
const { startApi } = await import("../src/app/api.ts");

await runService("prodlike-api", startApi);
