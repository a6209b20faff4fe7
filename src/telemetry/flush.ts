import type { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

/** Longest wait for the collector while a process ends, in ms. */
const LAST_FLUSH_MS = 3_000;

/**
 * Sends the spans that are still queued when the process ends: on SIGTERM and SIGINT, on `beforeExit`, and after an
 * uncaught error before the process exits. Where the application handles the signal itself, ending is left to it, and
 * spans that end while it drains go out on `beforeExit`; so it must not call `process.exit` before.
 */
export function flushOnExit(provider: NodeTracerProvider): void {
  const flush = () => within(LAST_FLUSH_MS, provider.forceFlush());
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, async function flushThenEnd() {
      const alone = process.listenerCount(signal) === 1;
      await flush();
      if (!alone) return;
      process.removeListener(signal, flushThenEnd);
      process.kill(process.pid, signal);
    });
  }
  process.once("beforeExit", async () => {
    await within(LAST_FLUSH_MS, provider.shutdown());
    process.exit(); // The application has nothing left to do; retries of the exporter would keep the process.
  });
  process.on("uncaughtException", async (error) => {
    const alone = process.listenerCount("uncaughtException") === 1;
    if (alone) process.stderr.write(`Uncaught ${error instanceof Error ? (error.stack ?? error) : error}\n`);
    await flush();
    if (alone) process.exit(1);
  });
}

/** Waits for `work` or `timeoutMs`, whichever comes first. Its errors are the exporter's and have been said by it. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work.catch(() => {}), limit]);
  clearTimeout(timer);
}
