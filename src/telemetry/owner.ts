import { createHook } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
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

/**
 * The context manager for a process whose owner somebody watches. Between two callbacks the owner stays the last one.
 * In a callback it is the callback's context, which `async_hooks` tell; in `with`, which calls at once, the new context.
 */
export class OwnerContextManager extends AsyncLocalStorageContextManager {
  #owner: Context = ROOT_CONTEXT;
  /** The owners of the callbacks in which the running one began, as by `AsyncResource.runInAsyncScope`. */
  readonly #outer: Context[] = [];
  readonly #hook = createHook({
    before: () => {
      this.#outer.push(this.#owner);
      this.#become(this.active());
    },
    after: () => {
      const outer = this.#outer.pop();
      if (outer && this.#outer.length > 0) this.#become(outer);
    },
  });

  override enable(): this {
    this.#hook.enable();
    return super.enable();
  }

  override disable(): this {
    this.#hook.disable();
    return super.disable();
  }

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

  #become(owner: Context): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    OWNER.publish(owner);
  }
}
