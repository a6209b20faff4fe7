import type { Pending } from "../flush.ts";
import type { Post } from "../last_posts.ts";
import { say } from "../problems.ts";
import type { EncodableProfile, TakenProfile } from "./upload.ts";

/** What profiles this process, from its start on. */
export interface Profiler {
  /** What was seen since the last call, one profile a kind, at once where that can be; the last call ends the profiler. */
  collect(isLast: boolean): EncodableProfile[] | Promise<EncodableProfile[]>;
  /** Has `listener` called when the thread begins to work for a span. Absent: that is not known. */
  onActivity?(listener: () => void): void;
}

export interface ProfilesOptions {
  /** Between two profiles of a busy process, in ms. */
  flushIntervalMs: number;
  /** Takes what was collected; never rejects. */
  send(profiles: TakenProfile[], isLast: boolean): Promise<void>;
  /** The request that sends one, for the end of a process that waits for no promise; absent: that one is lost. */
  toPost?(profile: TakenProfile): Post;
}

/** From the first span after a quiet time to the end of its profile, in ms: a short run is to be seen. */
const FIRST_MS = 1_000;

/**
 * Ends a profile and begins the next: 1 s after the first span, then after 2, 4 and 8 s, then once an interval; an interval
 * without a span begins that anew. The timer does not keep the process.
 */
export function startProfiles(profiler: Profiler, { flushIntervalMs, send, toPost }: ProfilesOptions): Pending {
  const firstMs = Math.min(FIRST_MS, flushIntervalMs);
  let everyMs = firstMs;
  let isActive = false;
  let isEnded = false;
  let fromMs = Date.now();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;

  const wait = (ms: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void onTimer(), ms).unref();
  };

  async function onTimer(): Promise<void> {
    everyMs = isActive ? Math.min(2 * everyMs, flushIntervalMs) : firstMs;
    wait(isActive ? everyMs : flushIntervalMs);
    isActive = false;
    await flush(false).catch((error) => say(`a profile was not taken: ${error.message}`));
  }

  async function flush(isLast: boolean): Promise<void> {
    if (isEnded) return;
    isEnded = isLast;
    if (isLast) clearTimeout(timer);
    else if (sending) return sending; // what was seen meanwhile is in the next profile
    await sending;
    sending = collectAndSend(isLast).finally(() => {
      sending = undefined;
    });
    await sending;
  }

  async function collectAndSend(isLast: boolean): Promise<void> {
    const window = nextWindow();
    const profiles = await profiler.collect(isLast);
    await send(
      profiles.map((profile) => ({ profile, ...window })),
      isLast,
    );
  }

  function nextWindow(): Omit<TakenProfile, "profile"> {
    const from = fromMs;
    fromMs = Date.now();
    return { fromMs: from, untilMs: Math.max(fromMs, from + 1) };
  }

  function takeRest(): Post[] {
    if (isEnded || !toPost) return [];
    isEnded = true;
    const profiles = profiler.collect(true);
    const window = nextWindow();
    return profiles instanceof Promise ? [] : profiles.map((profile) => toPost({ profile, ...window }));
  }

  wait(firstMs);
  profiler.onActivity?.(() => {
    if (isActive) return;
    isActive = true;
    if (everyMs === firstMs) wait(firstMs);
  });
  return { forceFlush: () => flush(false), shutdown: () => flush(true), takeRest };
}
