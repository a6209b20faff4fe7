import { createHook, executionAsyncResource } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { performance } from "node:perf_hooks";
import { type Context, context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

/**
 * Where the owner of the thread is published whenever it changes: the `Context` that the thread now works for, with its
 * span and its job. A channel, since profiles begin before there is tracing.
 */
export const OWNER = channel("prodlike:owner");

const JOB = createContextKey("prodlike job");

/** Runs what a job of that name does; a plain call when nobody watches. */
export function runAsJob<T>(name: string, run: () => T): T {
  return OWNER.hasSubscribers ? context.with(context.active().setValue(JOB, name), run) : run();
}

/** The name of the job that an owner belongs to; `undefined` when it belongs to none. */
export function jobNameOf(owner: Context): string | undefined {
  return owner.getValue(JOB) as string | undefined; // set above
}

/** Is told who has the thread, at every change. */
export interface ThreadWatch {
  /** A callback of the event loop, or of a promise, begins; `resource` is what `async_hooks` know of it. */
  begin(resource: object, owner: Context, nowMs: number): void;
  /** The thread works for `owner` from now on; `undefined`: for the event loop itself, which may wait. */
  switchTo(owner: Context | undefined, nowMs?: number): void;
}

/**
 * The context manager for a process whose owner somebody watches. In a callback the owner is the callback's context, which
 * `async_hooks` tell; in `with`, which calls at once, the new context. Between two callbacks there is none.
 */
export class OwnerContextManager extends AsyncLocalStorageContextManager {
  readonly #watch: ThreadWatch | undefined;
  #owner: Context | undefined;
  #published: Context = ROOT_CONTEXT;
  /** The owners of the callbacks in which the running one began, as by `AsyncResource.runInAsyncScope`. */
  #outer: (Context | undefined)[] = [];
  readonly #hook = createHook({
    before: () => {
      const nowMs = performance.now();
      const owner = this.active();
      if (this.#outer.length === 0) this.#watch?.begin(executionAsyncResource(), owner, nowMs);
      this.#outer.push(this.#owner);
      this.#become(owner, nowMs);
    },
    after: () => this.#become(this.#outer.pop()),
  });

  constructor(watch?: ThreadWatch) {
    super();
    this.#watch = watch;
  }

  override enable(): this {
    this.#hook.enable();
    // An error that nobody catches leaves all callbacks at once, and their `after` is not called.
    process.on("uncaughtExceptionMonitor", this.#leaveAll);
    return super.enable();
  }

  override disable(): this {
    this.#hook.disable();
    process.removeListener("uncaughtExceptionMonitor", this.#leaveAll);
    return super.disable();
  }

  readonly #leaveAll = () => {
    this.#outer = [];
  };

  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    owner: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const outer = this.#owner;
    this.#become(owner);
    try {
      return super.with(owner, fn, thisArg, ...args);
    } finally {
      this.#become(outer);
    }
  }

  #become(owner: Context | undefined, nowMs?: number): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    this.#watch?.switchTo(owner, nowMs);
    // Samples between two callbacks are those of the last one.
    if (!owner || owner === this.#published) return;
    this.#published = owner;
    OWNER.publish(owner);
  }
}
