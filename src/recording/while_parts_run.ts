import { setTimeout } from "node:timers/promises";
import { endedParts } from "../stack/ended_parts.ts";
import type { Stack } from "../stack/stack.ts";

/** A part of the stack has ended while work was done with it; the message names it. */
export class PartEndedError extends Error {
  override name = "PartEndedError";
}

/** Between two looks whether all parts live, in ms; and before the second look at one that does not. */
const LOOK_MS = { usual: 1_000, second: 200 };

/**
 * Does `work` until `signal` aborts or a part of the stack has ended: then the signal that `work` is given aborts.
 *
 * @throws {PartEndedError} when `work` throws after its end; the reason of `signal` likewise
 */
export async function whilePartsRun<T>(
  { stack, signal }: { stack: Stack; signal: AbortSignal },
  work: (until: AbortSignal) => Promise<T>,
): Promise<T> {
  const died = new AbortController();
  const over = new AbortController();
  const watching = (async () => {
    let before: string | undefined;
    while (!over.signal.aborted && !died.signal.aborted) {
      const pauseMs = before === undefined ? LOOK_MS.usual : LOOK_MS.second;
      await setTimeout(pauseMs, undefined, { signal: over.signal }).catch(() => {});
      if (over.signal.aborted) return;
      const status = await stack.status().catch(() => ({})); // what is wrong with it, the work itself shows
      const [ended] = endedParts(stack, status);
      // Twice: how it ended is recorded a moment later.
      if (ended !== undefined && ended === before) died.abort(new PartEndedError(ended));
      before = ended;
    }
  })();
  try {
    return await work(AbortSignal.any([signal, died.signal]));
  } catch (error) {
    signal.throwIfAborted();
    died.signal.throwIfAborted(); // rather than what the work makes of it
    throw error;
  } finally {
    over.abort();
    await watching;
  }
}
