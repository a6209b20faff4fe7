import { createHook, executionAsyncResource } from "node:async_hooks";
import { channel } from "node:diagnostics_channel";
import { performance } from "node:perf_hooks";
import * as v8 from "node:v8"; // Deno has no `promiseHooks`, and refuses to import it by name
import { type Context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";

/**
 * Where the owner of the thread is published whenever it changes: the `Context` that the thread now works for, with its
 * span and its job. A channel, since profiles begin before there is tracing.
 */
export const OWNER = channel("prodlike:owner");

const JOB = createContextKey("prodlike job");

/** The context in which a job of that name is to run: `parent`, with the name when somebody watches. */
export function contextOfJob(name: string, parent: Context): Context {
  return OWNER.hasSubscribers ? parent.setValue(JOB, name) : parent;
}

/** The name of the job that an owner belongs to; `undefined` when it belongs to none. */
export function jobNameOf(owner: Context): string | undefined {
  return owner.getValue(JOB) as string | undefined; // set above
}

/** Is told who has the thread, at every change. */
export interface ThreadWatch {
  /**
   * A callback of the event loop begins; `resource` is what `async_hooks` know of it. Nobody has had the thread since
   * `leftMs`, when the last callback ended.
   */
  begin(resource: object, owner: Context, nowMs: number, leftMs: number): void;
  /** The thread works for `owner` from now on. */
  switchTo(owner: Context, nowMs: number): void;
}

const CONTEXT = Symbol("prodlike.context");
/** What `async_hooks` know of a callback carries the context in which it was made. */
type Carrier = { [CONTEXT]?: Context };

/**
 * Whether `async_hooks` leave promises out when they are told to, as those of Node 24.21 do: V8 itself tells of promises at a tenth
 * of the cost.
 *
 * @see https://nodejs.org/api/async_hooks.html#async_hookscreatehookoptions
 */
const KNOWS_TRACK_PROMISES = (() => {
  try {
    createHook({ trackPromises: "" } as object);
    return false; // unknown options are ignored
  } catch {
    return true; // it has to be a boolean
  }
})();

/**
 * The context manager for a process whose owner somebody watches. It follows the context itself, by the hooks that tell
 * who has the thread: an AsyncLocalStorage beside them costs a job twice. In a callback the owner is the callback's
 * context; in `with`, which calls at once, the new context. A callback of the same owner right behind changes nothing.
 */
export class OwnerContextManager extends AsyncLocalStorageContextManager {
  readonly #watch: ThreadWatch | undefined;
  #active: Context = ROOT_CONTEXT;
  /** Who was last said to have the thread; `undefined`: nobody since. */
  #owner: Context | undefined;
  #published: Context = ROOT_CONTEXT;
  /** What was active outside of each callback that runs: they are nested by `AsyncResource.runInAsyncScope`. */
  #outer: Context[] = [];
  #leftMs = 0;
  readonly #hook = createHook({
    init: (_id, _type, _trigger, resource) => this.#mark(resource),
    before: () => {
      const resource = executionAsyncResource();
      this.#enter(resource, this.#outer.length === 0 && isLoopCallback(resource));
    },
    after: () => this.#leave(),
    ...(KNOWS_TRACK_PROMISES ? { trackPromises: false } : {}),
  });
  #endPromises = () => {};

  constructor(watch?: ThreadWatch) {
    super();
    this.#watch = watch;
  }

  override enable(): this {
    this.#hook.enable();
    if (KNOWS_TRACK_PROMISES) {
      this.#endPromises = v8.promiseHooks.createHook({
        init: (promise) => this.#mark(promise),
        before: (promise) => this.#enter(promise, false),
        after: () => this.#leave(),
      }) as () => void; // its type says Function
    }
    // An error that nobody catches leaves all callbacks at once, and their `after` is not called.
    process.on("uncaughtExceptionMonitor", this.#leaveAll);
    return this;
  }

  override disable(): this {
    this.#hook.disable();
    this.#endPromises();
    process.removeListener("uncaughtExceptionMonitor", this.#leaveAll);
    return this;
  }

  readonly #leaveAll = () => {
    this.#outer = [];
    this.#active = ROOT_CONTEXT;
  };

  override active(): Context {
    return this.#active;
  }

  override with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    owner: Context,
    fn: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const outer = this.#active;
    this.#active = owner;
    this.#become(owner);
    try {
      return fn.call(thisArg as ThisParameterType<F>, ...args);
    } finally {
      this.#active = outer;
      this.#become(outer);
    }
  }

  #mark(resource: object): void {
    if (this.#active !== ROOT_CONTEXT) (resource as Carrier)[CONTEXT] = this.#active;
  }

  #enter(resource: object, isFromLoop: boolean): void {
    const context = (resource as Carrier)[CONTEXT] ?? ROOT_CONTEXT;
    if (this.#watch && isFromLoop) {
      const nowMs = performance.now();
      this.#owner = undefined;
      this.#watch.begin(resource, context, nowMs, this.#leftMs);
    }
    this.#outer.push(this.#active);
    this.#active = context;
    this.#become(context);
  }

  #leave(): void {
    // There is no outer one when the hooks began in this callback.
    this.#active = this.#outer.pop() ?? ROOT_CONTEXT;
    if (this.#outer.length > 0) this.#become(this.#active);
    else this.#leftMs = performance.now();
  }

  #become(owner: Context): void {
    if (owner === this.#owner) return;
    this.#owner = owner;
    this.#watch?.switchTo(owner, performance.now());
    if (owner === this.#published) return;
    this.#published = owner;
    OWNER.publish(owner);
  }
}

/** Whether the event loop has called it: callbacks of promises and of `process.nextTick` only go on with what that did. */
function isLoopCallback(resource: object): boolean {
  // The object of `process.nextTick` is a plain one.
  return !(resource instanceof Promise) && resource.constructor !== Object;
}
