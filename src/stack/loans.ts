import { existsSync } from "node:fs";
import type { Checkout } from "../settings/stack.ts";
import type { Parts } from "./parts.ts";
import { removeStore } from "./postgres.ts";
import type { PartsProgress, Request } from "./protocol.ts";
import { PARTS, type PartName, stackFiles } from "./state.ts";
import type { Wanted } from "./wanted.ts";

type Use = Extract<Request, { command: "use" }>;

/** Who uses the stack, and what it is to be when nobody does any more. */
export class Loans {
  readonly #checkout: Checkout;
  readonly #parts: Parts;
  /** Aborted when the supervisor is to end. */
  readonly #stopping: AbortSignal;
  /** Whether the stack stays when nobody uses it. */
  #isKept = true;
  #users = 0;
  #storeIsNew = false;
  /** What the worker was before it was limited for somebody who uses the stack. */
  #replaced: { wanted: Wanted; names: PartName[] } | undefined;

  constructor(checkout: Checkout, parts: Parts, stopping: AbortSignal) {
    this.#checkout = checkout;
    this.#parts = parts;
    this.#stopping = stopping;
  }

  /** The stack stays from now on, as somebody has asked for it. */
  keep(): void {
    this.#isKept = true;
    this.#storeIsNew = false;
  }

  /** The worker stays what it is now. */
  keepWorker(): void {
    this.#replaced = undefined;
  }

  /** Lends the stack, which is started when there is none. When that fails it is given back. */
  async lend(use: Use, progress: PartsProgress): Promise<PartName[]> {
    this.#users++;
    try {
      return await this.#start(use, progress);
    } catch (error) {
      await this.giveBack(progress);
      throw error;
    }
  }

  async #start({ wanted, parts: names, limited }: Use, progress: PartsProgress): Promise<PartName[]> {
    const parts = this.#parts;
    if (parts.isEmpty) {
      this.#isKept = false;
      this.#storeIsNew ||= !existsSync(stackFiles(this.#checkout).postgres);
      await parts.endStrays(progress);
      return limited ? parts.limitWorker(wanted, names, progress) : parts.start(wanted, names, progress);
    }
    if (!limited) return [];
    if (parts.isLimited) return parts.limitWorker(wanted, names, progress);
    await parts.start(wanted, names, progress); // refuses a worker that could not come back as it was
    const started = await parts.limitWorker(wanted, names, progress);
    this.#replaced = { wanted, names };
    return started;
  }

  /** Ends what was started for those who use the stack when the last of them is gone. */
  async giveBack({ onEvent }: Pick<PartsProgress, "onEvent">): Promise<PartName[]> {
    if (--this.#users > 0 || this.#isKept) {
      await this.#restoreWorker(onEvent);
      return [];
    }
    const ended = await this.#parts.end(PARTS, { onEvent });
    if (this.#storeIsNew) await removeStore(stackFiles(this.#checkout).postgres);
    this.#storeIsNew = false;
    return ended;
  }

  async #restoreWorker(onEvent: PartsProgress["onEvent"]): Promise<void> {
    if (!this.#replaced) return;
    const { wanted, names } = this.#replaced;
    this.#replaced = undefined;
    await this.#parts.end(["worker"], { onEvent });
    const kept = names.filter((name) => name === "worker" || this.#parts.isRunning(name)); // what is dead stays dead
    await this.#parts.start(wanted, kept, { onEvent, signal: this.#stopping });
  }
}
