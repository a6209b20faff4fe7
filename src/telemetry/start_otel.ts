import { nameService, readTelemetrySettings } from "./settings.ts";

export interface StartOtelOptions {
  /** Used when `OTEL_SERVICE_NAME` is unset. */
  serviceName: string;
}

/**
 * Switches tracing on when `OTEL_ENABLED` is "true"; otherwise no telemetry package is loaded. Must have returned before
 * the application is imported: instrumentation patches packages as they load.
 */
export async function startOtel({ serviceName }: StartOtelOptions): Promise<void> {
  const settings = readTelemetrySettings();
  if (!settings.enabled) return;
  nameService(serviceName);
  const { startTracing } = await import("./tracing.ts");
  startTracing(settings);
}
