import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { shownUrl } from "../terminal/shown_values.mjs";
import { ask, bodyOf, DriveError, type JobEnd } from "./send_job.ts";

/** How long an application may hold back its answer until the job has ended, in s. */
const WAIT_S = 20;
/** Pause after an answer that was held back, in ms. */
const AFTER_WAIT_MS = 20;
/** Pause between two looks where nothing is held back: the tenth part of the job's age, within these, in ms. */
const PAUSE = { share: 0.1, leastMs: 50, mostMs: 5_000 };
/** Such looks are at least this far apart, over all jobs, in ms. */
const APART_MS = 20;
/** An answer within this was not held back, in ms. */
const AT_ONCE_MS = 20;
/** A job is given up after so many looks without a usable answer, one after the other. */
const MOST_FAILED_LOOKS = 5;

/**
 * Sees at their status addresses how jobs end, and disturbs little. It asks the application to answer when the job has ended (RFC 7240: `Prefer:
 * wait=20`); one that does not know this is asked at growing intervals. Its looks carry an unsampled trace context, so
 * they leave no spans where the sampler follows its parent, as is the default. At most `most` jobs are watched at once,
 * the oldest first: others are still in the queue.
 */
export class StatusWatch {
  #free: number;
  readonly #queue: (() => void)[] = [];
  #nextLookMs = 0;
  /** Whether an application was asked at intervals: ends were seen late by a tenth of the job's time, or more. */
  isCoarse = false;
  /** Jobs that had ended already when their turn came: they were seen too late, as there was too much to watch. */
  seenLate = 0;

  constructor(most: number) {
    this.#free = most;
  }

  /**
   * Resolves when the job whose state is at `url` has ended. `onState` is told each state that was seen.
   *
   * @throws {DriveError} when it cannot be known; the signal's reason
   */
  async untilEnd(url: string, signal: AbortSignal, onState: (state: string) => void): Promise<JobEnd> {
    const began = performance.now();
    const isLate = this.#free === 0;
    if (isLate) await new Promise<void>((resolve) => void this.#queue.push(resolve));
    else this.#free--;
    try {
      return await this.#look(url, { began, isLate, signal, onState });
    } finally {
      const next = this.#queue.shift();
      if (next) next();
      else this.#free++;
    }
  }

  async #look(url: string, { began, isLate, signal, onState }: Watched): Promise<JobEnd> {
    let failedLooks = 0;
    for (let looks = 0; ; looks++) {
      signal.throwIfAborted();
      const askedMs = performance.now();
      let isHeldBack = false;
      try {
        const response = await ask(url, signal, { headers: { prefer: `wait=${WAIT_S}`, traceparent: unsampled() } });
        const { state, error } = await bodyOf(response);
        onState(String(state));
        const isEnded = state === "completed" || state === "failed";
        if (isEnded && isLate && looks === 0 && performance.now() - askedMs < AT_ONCE_MS) this.seenLate++;
        if (state === "completed") return { state };
        if (state === "failed") return { state, error: String(error ?? "no reason given") };
        if (!response.ok) throw new DriveError(`${shownUrl(url)} answered ${response.status}`);
        failedLooks = 0;
        isHeldBack = /\bwait\b/i.test(response.headers.get("preference-applied") ?? "");
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof DriveError) || ++failedLooks >= MOST_FAILED_LOOKS) throw error;
      }
      if (isHeldBack) await setTimeout(AFTER_WAIT_MS, undefined, { signal });
      else await this.#pause(performance.now() - began, signal);
    }
  }

  async #pause(ageMs: number, signal: AbortSignal): Promise<void> {
    this.isCoarse = true;
    const pauseMs = Math.min(Math.max(ageMs * PAUSE.share, PAUSE.leastMs), PAUSE.mostMs);
    await setTimeout(pauseMs, undefined, { signal });
    const now = performance.now();
    const turnMs = Math.max(now, this.#nextLookMs);
    this.#nextLookMs = turnMs + APART_MS;
    if (turnMs > now) await setTimeout(turnMs - now, undefined, { signal });
  }
}

interface Watched {
  began: number;
  /** Whether it had to wait for its turn. */
  isLate: boolean;
  signal: AbortSignal;
  onState: (state: string) => void;
}

/** A trace context that says: do not record (https://www.w3.org/TR/trace-context/#sampled-flag). */
function unsampled(): string {
  return `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-00`;
}
