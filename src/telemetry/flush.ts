// Not the global ones, which an application may replace.
import { clearTimeout, setTimeout } from "node:timers";
import { type Post, postAndWait } from "./last_posts.ts";
import { say } from "./problems.ts";

/** Longest wait for the collector while a process ends, in ms. */
const LAST_FLUSH_MS = 3_000;

/** What holds telemetry that has not been sent. */
export interface Pending {
  forceFlush(): Promise<unknown>;
  shutdown(): Promise<unknown>;
  /** What has not arrived, as requests; absent: nothing, or it cannot be known at once. */
  takeRest?(): Post[];
}

// As the events below it belongs to the process: who ended it when its own work is done would cut off the others.
const groups: Pending[][] = [];

/**
 * Sends what is still pending when the process ends, which ends as it would without us: on SIGTERM and SIGINT, and on
 * `beforeExit`; in the order given, so that what counts the spans comes behind them, and beside what other calls gave.
 * After an uncaught error, or `process.exit()`, another thread sends the rest, but for what has to be asked for by promises.
 * Where the application handles a signal itself, ending is left to it.
 */
export function flushOnExit(pending: Pending[]): void {
  if (groups.push(pending) > 1) return;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, async function flushThenEnd() {
      const alone = process.listenerCount(signal) === 1 + observersOfExit();
      await all("forceFlush");
      if (!alone) return;
      process.removeListener(signal, flushThenEnd);
      process.kill(process.pid, signal);
    });
  }
  let isOver = false;
  process.on("beforeExit", async () => {
    // The event comes again when we are done: listeners of the application would be called twice. Then `exit` has to do.
    if (isOver || process.listenerCount("beforeExit") > 1) return;
    isOver = await all("shutdown");
    if (!isOver) process.exit(); // retries of the exporter would keep the process
  });
  const sendRest = () => {
    if (!isOver) postRest();
    isOver = true;
  };
  process.prependListener("exit", sendRest); // at that event the profiler ends itself
  // Deno exits without that event after an error that nobody handles.
  const { addEventListener } = globalThis as Partial<EventTarget>; // Node has none
  addEventListener?.call(globalThis, "error", () => {
    if (process.listenerCount("uncaughtException") === 0) sendRest();
  });
  addEventListener?.call(globalThis, "unhandledrejection", () => {
    if (process.listenerCount("unhandledRejection") + process.listenerCount("uncaughtException") === 0) sendRest();
  });
}

/** Whether that was done in time. */
function all(step: "forceFlush" | "shutdown"): Promise<boolean> {
  return within(LAST_FLUSH_MS, Promise.all(groups.map((group) => inOrder(group, step))));
}

/** Each begins when the one before is done, or has had its share of the time: what hangs keeps no other from it. */
async function inOrder(pending: Pending[], step: "forceFlush" | "shutdown"): Promise<void> {
  const begun: Promise<unknown>[] = [];
  for (const each of pending) {
    const work = each[step]().catch(() => {}); // it has been said
    begun.push(work);
    await within(LAST_FLUSH_MS / 2, work);
  }
  await Promise.all(begun);
}

/** Whether `work` is done within `timeoutMs`, which is not waited for longer. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  const isDone = await Promise.race([work.then(() => true), limit]);
  clearTimeout(timer);
  return isDone;
}

/**
 * Listeners of signal-exit, which many packages have. They end the process at a signal as if they were not there, but only
 * where all others are theirs.
 */
function observersOfExit(): number {
  const third = Reflect.get(process, "__signal_exit_emitter__"); // of its version 3
  const fourth = Reflect.get(globalThis, Symbol.for("signal-exit emitter"));
  return (third?.count ?? 0) + (fourth?.count ?? 0);
}

function postRest(): void {
  try {
    const posts = groups.flat().flatMap(restOf);
    const lost = postAndWait(posts, LAST_FLUSH_MS);
    if (lost > 0) say(`telemetry warning: ${lost} of the last ${posts.length} requests were not answered`);
  } catch (error) {
    say(`telemetry warning: the last spans were not sent: ${(error as Error).message}`); // what Node throws is one
  }
}

function restOf(pending: Pending): Post[] {
  try {
    return pending.takeRest?.() ?? [];
  } catch (error) {
    say(`telemetry warning: something was not sent: ${(error as Error).message}`); // what an encoder throws is one
    return [];
  }
}
