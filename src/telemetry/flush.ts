/** Longest wait for the collector while a process ends, in ms. */
const LAST_FLUSH_MS = 3_000;

/** What holds telemetry that has not been sent. */
export interface Pending {
  forceFlush(): Promise<unknown>;
  shutdown(): Promise<unknown>;
}

// As the events below it belongs to the process: who ended it when its own work is done would cut off the others.
const groups: Pending[][] = [];

/**
 * Sends what is still pending when the process ends: on SIGTERM and SIGINT, on `beforeExit`, and after an uncaught error
 * before the process exits; in the order given, so that what counts the spans comes behind them, and beside what other
 * calls gave. Where the application handles the signal itself, ending is left to it, and spans that end while it drains
 * go out on `beforeExit`; so it must not call `process.exit` before.
 */
export function flushOnExit(pending: Pending[]): void {
  if (groups.push(pending) > 1) return;
  const all = (step: keyof Pending) => within(LAST_FLUSH_MS, Promise.all(groups.map((group) => inOrder(group, step))));
  const flush = () => all("forceFlush");
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
    await all("shutdown");
    process.exit(); // The application has nothing left to do; retries of the exporter would keep the process.
  });
  process.on("uncaughtException", async (error) => {
    const alone = process.listenerCount("uncaughtException") === 1;
    if (alone) process.stderr.write(`Uncaught ${error instanceof Error ? (error.stack ?? error) : error}\n`);
    await flush();
    if (alone) process.exit(1);
  });
}

async function inOrder(pending: Pending[], step: keyof Pending): Promise<void> {
  // Errors are the exporters' and have been said by them.
  for (const each of pending) await each[step]().catch(() => {});
}

/** Waits for `work` or `timeoutMs`, whichever comes first. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
