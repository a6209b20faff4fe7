import { sayNotMeasured } from "./init_pyroscope.ts";
import { nameService, profilingWanted, readProfileSettings, readTelemetrySettings } from "./settings.ts";
import type { StartOtelOptions } from "./start_otel.ts";

/**
 * All that `initPyroscope` and `startOtel` do, before it returns: for a CommonJS application, whose next `require` cannot wait. It is
 * the entry of `npm run build:telemetry`, and of nothing else: only there `require` reaches these files, and loads a package when it
 * is wanted. Does nothing when it has been called before; a service without a name is one of OpenTelemetry's unknown ones.
 */
export function start(options?: Partial<StartOtelOptions>): void {
  if (isStarted) return;
  isStarted = true;
  const serviceName = options?.serviceName;
  if (profilingWanted()) startProfiling(serviceName);
  const settings = readTelemetrySettings();
  if (!settings.enabled) return;
  if (serviceName) nameService(serviceName);
  const { startTracing }: typeof import("./tracing.ts") = require("./tracing.ts");
  startTracing(settings);
}

// Module-level state: an application may call it in each of its entries, and everything is patched once.
let isStarted = false;

function startProfiling(appName = "unknown_service"): void {
  try {
    const settings = readProfileSettings(appName);
    const { startNodeProfiler }: typeof import("./profiles/node_profiler.ts") = require("./profiles/node_profiler.ts");
    const { profileProcess }: typeof import("./profiles/profile_process.ts") = require("./profiles/profile_process.ts");
    profileProcess(startNodeProfiler(settings), settings);
  } catch (error) {
    sayNotMeasured(appName, error);
  }
}
