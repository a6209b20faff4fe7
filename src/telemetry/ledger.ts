import { type AsyncLocalStorage, createHook, executionAsyncResource } from "node:async_hooks";
import { PerformanceObserver, performance } from "node:perf_hooks";
import { type Context, type ContextManager, type Span, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-node";
import * as names from "./attributes.ts";
import { type JobParts, JobTime, readClocks } from "./job_time.ts";
import { Readiness } from "./readiness.ts";
import { type Owner, ThreadTime } from "./thread_time.ts";
import { ThrottleEstimate } from "./throttle_estimate.ts";

/** Books the main thread's time to spans and jobs. */
export interface Ledger {
  contextManager: ContextManager;
  /** Gives every span its own time, and job spans their parts, as attributes. */
  spanProcessor: SpanProcessor;
  /** The processor of the job begins, whose span is active. */
  begin(span: Span): void;
  /** It has returned. */
  end(span: Span): void;
}

/** What runs for no span. */
const nobody: Owner = { ownMs: 0, job: undefined };

const OWNER = Symbol("prodlike.owner");
/** Spans and contexts carry their owner: a `WeakMap` would cost more than the rest of a switch. */
type Owned = { [OWNER]?: Owner | undefined };

/**
 * Starts the ledger of this process: from now on every switch of the thread is seen, by the hooks `before` and `after` of
 * `async_hooks` and by the context manager. Not on Deno, whose hooks do not see the store.
 */
export function startLedger(): Ledger {
  const readiness = new Readiness();
  const time = new ThreadTime((job, _othersMs, nowMs) => {
    const { sureFromMs, sureUntilMs, possibleFromMs } = readiness.ofReturn(job, nowMs);
    const { history } = time;
    if (sureUntilMs > sureFromMs) job.blockedMs += history.busyAt(sureUntilMs) - history.busyAt(sureFromMs);
    job.blockedMaxMs += Math.max(0, time.busyMs - history.busyAt(possibleFromMs));
  });
  const throttling = new ThrottleEstimate();
  const contextManager = new LedgerContextManager(time);
  watchCallbacks({ time, readiness, store: contextManager.store });
  watchGarbage(time);
  return {
    contextManager,
    spanProcessor: {
      onStart(span, parent) {
        (span as Owned)[OWNER] = { ownMs: 0, job: ownerOf(parent).job };
      },
      onEnding(span) {
        const owner = (span as Owned)[OWNER];
        if (!owner) return;
        if (owner === time.owner) time.book();
        span.setAttribute(names.SPAN_CPU_MS, round(owner.ownMs));
        const parts = jobs.get(owner)?.parts();
        if (parts) span.setAttributes(attributesOf(parts));
      },
      onEnd: () => {},
      forceFlush: async () => {},
      shutdown: async () => {},
    },
    begin(span) {
      const owner = (span as Owned)[OWNER];
      if (!owner) return; // not recorded
      const nowMs = performance.now();
      time.book(nowMs);
      owner.job = new JobTime(readClocks(time.busyMs, nowMs));
      jobs.set(owner, owner.job);
      throttling.begin(owner.job, time.busyMs);
    },
    end(span) {
      const job = (span as Owned)[OWNER]?.job;
      if (!job) return;
      const nowMs = performance.now();
      time.book(nowMs);
      throttling.end(job, time.busyMs);
      job.end(readClocks(time.busyMs, nowMs));
    },
  };
}

/** The jobs of job spans: an owner below one has the same job. */
const jobs = new WeakMap<Owner, JobTime>();

function ownerOf(context: Context | undefined): Owner {
  if (!context) return nobody;
  const owned = context as Owned;
  owned[OWNER] ??= (trace.getSpan(context) as Owned | undefined)?.[OWNER] ?? nobody;
  return owned[OWNER];
}

/** Switches also where no hook runs: within one callback, when a function is called in the context of another span. */
class LedgerContextManager extends AsyncLocalStorageContextManager {
  // Private in its types; a second store would cost every callback as much again.
  readonly store = (this as unknown as { _asyncLocalStorage: AsyncLocalStorage<Context> })._asyncLocalStorage;
  readonly #time: ThreadTime;

  constructor(time: ThreadTime) {
    super();
    this.#time = time;
  }

  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    context: Context,
    run: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const before = this.#time.owner;
    this.#time.switchTo(ownerOf(context));
    try {
      return super.with(context, run, thisArg, ...args);
    } finally {
      this.#time.switchTo(before);
    }
  }
}

interface Watched {
  time: ThreadTime;
  readiness: Readiness;
  store: AsyncLocalStorage<Context>;
}

function watchCallbacks({ time, readiness, store }: Watched): void {
  /** Who had the thread before a callback that runs within another. */
  let outer: (Owner | undefined)[] = [];
  createHook({
    before() {
      const nowMs = performance.now();
      const owner = ownerOf(store.getStore());
      if (outer.length === 0) {
        const resource = executionAsyncResource();
        // Promises and process.nextTick, whose objects are plain, go on with what the callback before has begun.
        if (!(resource instanceof Promise) && resource.constructor !== Object) readiness.begin(resource, owner, nowMs);
      }
      outer.push(time.owner);
      time.switchTo(owner, nowMs);
    },
    after() {
      time.switchTo(outer.pop());
    },
  }).enable();
  // An error that nobody catches leaves all callbacks at once, and their `after` is not called.
  process.on("uncaughtExceptionMonitor", () => {
    outer = [];
  });
}

/** Books pauses for garbage to the jobs in whose JavaScript they fell. */
function watchGarbage(time: ThreadTime): void {
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      const job = time.history.ownerAt(startTime)?.job;
      if (job) job.gcMs += duration;
    }
  }).observe({ entryTypes: ["gc"] });
}

function attributesOf(parts: JobParts): Record<string, number> {
  const { throttled, ...measured } = parts;
  return {
    [names.JOB_RUN_MS]: round(measured.run),
    [names.JOB_CPU_MS]: round(measured.cpu),
    [names.JOB_GC_MS]: round(measured.gc),
    ...(throttled === undefined ? {} : { [names.JOB_THROTTLED_MS]: round(throttled) }),
    [names.JOB_BLOCKED_MS]: round(measured.blocked),
    [names.JOB_BLOCKED_MAX_MS]: round(measured.blockedMax),
    [names.JOB_OVERLAPPED_MS]: round(measured.overlapped),
    [names.JOB_IDLE_MS]: round(measured.idle),
    [names.JOB_UNEXPLAINED_MS]: round(measured.unexplained),
  };
}

/** To whole microseconds. */
function round(ms: number): number {
  return Math.round(ms * 1e3) / 1e3;
}
