import { writeFileSync } from "node:fs";
import { outliveOutput } from "../settings/runtime.ts";
import { UserError } from "../terminal/user_error.ts";
import { createLog, type Log } from "./log.ts";
import { readSampleSettings, type SampleSettings } from "./settings.ts";

/** What keeps a closed service alive for longer is cut off; telemetry, which is flushed at the natural end, needs less. */
const LAST_MS = 5_000;

/** What a service gets beside the configuration. */
export interface ServiceOptions {
  log: Log;
  /** Ends a start that still waits. */
  signal: AbortSignal;
}

/** What runs until it is closed. */
export interface Service {
  url?: string;
  close(): Promise<void>;
}

/**
 * Runs the service `name` until SIGTERM or SIGINT, and tells a parent process when it is ready.
 * The process then ends by itself, with code 0; an error that the user can mend is one line on stderr and code 2.
 */
export async function runService(
  name: string,
  start: (settings: SampleSettings, options: ServiceOptions) => Promise<Service>,
): Promise<void> {
  outliveOutput();
  const log = createLog(name);
  const stopping = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) return;
      log.info({ signal }, "stopping");
      stopping.abort();
    });
  }
  try {
    const settings = readSampleSettings();
    const service = await start(settings, { log, signal: stopping.signal });
    log.info({ url: service.url }, "ready");
    tellParent("ready");
    if (settings.readyFile) writeFileSync(settings.readyFile, "");
    await aborted(stopping.signal);
    await service.close();
    log.info("stopped");
    endAtLast();
  } catch (error) {
    if (stopping.signal.aborted && (error as Error).name === "AbortError") return;
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`error: ${error.message}${error.next ? `; next: ${error.next}` : ""}\n`);
    process.exitCode = 2;
    endAtLast(); // a connection that was refused may keep the process
  }
}

/** The process ends by itself, unless a store that went silent never ends its connections. */
function endAtLast(): void {
  setTimeout(() => process.exit(), LAST_MS).unref();
}

function tellParent(message: string): void {
  process.send?.(message, undefined, undefined, () => {}); // a parent that is gone is no reason to stop
  process.channel?.unref();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
