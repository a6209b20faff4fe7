import { type Context, createContextKey, ROOT_CONTEXT } from "@opentelemetry/api";

/** A context with more values than this is copied into the API's own kind, so that a chain does not grow for ever. */
const LINKS = 8;

/** A context that knows one value and the context before it: the API's own copies all values for each new one. */
class LinkedContext implements Context {
  readonly #before: Context;
  readonly #key: symbol;
  readonly #value: unknown;
  readonly #links: number;

  constructor(before: Context, key: symbol, value: unknown) {
    this.#before = before;
    this.#key = key;
    this.#value = value;
    this.#links = before instanceof LinkedContext ? before.#links + 1 : 0;
  }

  getValue(key: symbol): unknown {
    let context: Context = this;
    while (context instanceof LinkedContext) {
      if (context.#key === key) return context.#value;
      context = context.#before;
    }
    return context.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#links < LINKS ? new LinkedContext(this, key, value) : this.#copy().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.setValue(key, undefined);
  }

  #copy(): Context {
    const before = this.#before instanceof LinkedContext ? this.#before.#copy() : this.#before;
    return before.setValue(this.#key, this.#value);
  }
}

/** An empty context. What is set on it is linked. */
export const LINKED_ROOT: Context = new LinkedContext(ROOT_CONTEXT, createContextKey("prodlike root"), undefined);
