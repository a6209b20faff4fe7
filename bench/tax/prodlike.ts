// prodlike's telemetry in a worker of the tax benchmark, loaded as an application loads it; its environment says how much.
import type { ProxyTracerProvider } from "@opentelemetry/api";
import type { BasicTracerProvider } from "@opentelemetry/sdk-trace-node";
import type { Telemetry } from "bullmq";

/** What a variant adds to a worker. */
export interface TaxTelemetry {
  telemetry?: Telemetry;
  /** Sends the spans that are pending. */
  flush?(): Promise<void>;
  /** What is done once in so many ms, whatever there is to do. */
  periodic?: { everyMs: number; run(): Promise<void> };
}

export async function start(): Promise<TaxTelemetry> {
  const { initPyroscope } = await import("../../src/telemetry/init_pyroscope.ts");
  await initPyroscope({ appName: "tax" });
  const { startOtel } = await import("../../src/telemetry/start_otel.ts");
  await startOtel({ serviceName: "tax" });
  return {
    ...(process.env.OTEL_ENABLED === "true" ? { flush: await spanFlush() } : {}),
    ...(process.env.PROFILING === "on" ? { periodic: await profileFlush() } : {}),
  };
}

async function spanFlush(): Promise<() => Promise<void>> {
  const { trace } = await import("@opentelemetry/api"); // not when it is off: nothing else loads it then
  const provider = (trace.getTracerProvider() as ProxyTracerProvider).getDelegate() as BasicTracerProvider;
  return () => provider.forceFlush();
}

/** What happens once an interval: a profile is taken and sent. By the handlers of SIGTERM, which send metrics too. */
async function profileFlush(): Promise<NonNullable<TaxTelemetry["periodic"]>> {
  const { readProfileSettings } = await import("../../src/telemetry/settings.ts");
  const flushes = process.listeners("SIGTERM");
  process.on("SIGTERM", () => {}); // with a listener of the application's own they do not end the process
  return {
    everyMs: readProfileSettings("tax").flushIntervalMs,
    async run() {
      await Promise.all(flushes.map((flush) => flush("SIGTERM")));
    },
  };
}
