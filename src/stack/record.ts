import { hasLock } from "../processes/lock.ts";
import type { Checkout } from "../settings/stack.ts";
import { UserError } from "../terminal/user_error.ts";
import { type PartName, type PartState, runningParts, type StackState, stackFiles, writeState } from "./state.ts";

/** What one supervisor records of its stack in the state file. */
export class StackRecord {
  readonly #checkout: Checkout;
  readonly #state: StackState;
  /** Whether there is something that could not be written. */
  #isBehind = false;

  /** Goes on with `before`, the record of a supervisor that died. */
  constructor(checkout: Checkout, supervisor: StackState["supervisor"], before: StackState | undefined) {
    this.#checkout = checkout;
    // When none runs, as after a restart of the machine, there is nothing to take over and nothing to say.
    const parts = (runningParts(before).length > 0 && before?.parts) || {};
    this.#state = { version: 1, supervisor, parts };
  }

  get state(): StackState {
    return this.#state;
  }

  get parts(): Partial<Record<PartName, PartState>> {
    return this.#state.parts;
  }

  /**
   * Writes it. Without the lock it belongs to another supervisor, or to nobody.
   *
   * @throws {UserError} when it cannot be written or was removed
   */
  save(): void {
    if (!hasLock(stackFiles(this.#checkout).lock)) throw new UserError("the record of the stack was removed");
    writeState(this.#checkout, this.#state);
    this.#isBehind = false;
  }

  /** For an end: it happens, whether it can be recorded or not. */
  trySave(): void {
    try {
      this.save();
    } catch (error) {
      if (!this.#isBehind) process.stderr.write(`${(error as Error).message}\n`);
      this.#isBehind = true;
    }
  }

  /** Writes what could not be written before, as on a disk that was full. */
  catchUp(): void {
    if (this.#isBehind) this.trySave();
  }
}
