import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";

/** A wait that gave up: `what` it waited for, how long in ms, and the last error as `cause`. */
export class WaitTimeoutError extends Error {
  override name = "WaitTimeoutError";
}

export interface WaitOptions {
  /** @default {10_000} */
  timeoutMs?: number;
  /** Pause between two tries. @default {50} */
  everyMs?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Polls `check` until it returns a value other than `undefined`.
 *
 * @throws {WaitTimeoutError} when `timeoutMs` has passed; `signal`'s reason when it is aborted first
 */
export async function waitFor<T>(
  check: () => T | undefined | Promise<T | undefined>,
  what: string,
  { timeoutMs = 10_000, everyMs = 50, signal }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  do {
    signal?.throwIfAborted();
    try {
      const value = await check();
      if (value !== undefined) return value;
    } catch (error) {
      cause = error; // "connection refused" is normal until the service is up
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
  } while (performance.now() < deadline);
  throw new WaitTimeoutError(`Cannot see ${what}: still missing after ${timeoutMs} ms`, { cause });
}
