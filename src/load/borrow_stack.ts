import { rmSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "../processes/lock.ts";
import type { Checkout } from "../settings/stack.ts";
import { endedParts } from "../stack/ended_parts.ts";
import { openStack } from "../stack/open_stack.ts";
import type { Progress } from "../stack/protocol.ts";
import type { PartStatus, Stack } from "../stack/stack.ts";
import { makeStackFolder, stackFiles } from "../stack/state.ts";
import type { Wanted } from "../stack/wanted.ts";
import { FailedError, UserError } from "../terminal/user_error.ts";

/** A stack for a load, and with which settings. */
export interface Borrowed {
  wanted: Wanted;
  stack: Stack;
}

export interface BorrowOptions extends Progress {
  /** Whether the worker runs under its limits. */
  limited: boolean;
}

/**
 * Does `work` with the stack that is up, or with one that ends afterwards; the worker runs under its limits unless
 * `limited` is false. Profiles are on when the stack that is up has them; in one that is started, unless the user
 * says off or they cannot be kept. Once `work` has begun, the signal is its own affair.
 *
 * @throws {FailedError} when a part of it has died
 * @throws {UserError} when the stack is incomplete, runs with other settings, or another load is being recorded
 */
export async function borrowStack<T>(
  given: Wanted,
  { limited, ...progress }: BorrowOptions,
  work: (borrowed: Borrowed) => Promise<T>,
): Promise<T> {
  const found = await openStack(given).status();
  const wanted = withProfiling(given, found);
  const stack = openStack(wanted);
  requireUsable(stack, found, limited);
  if (Object.keys(found).length === 0) progress.say("No stack is up: starting one.");
  return alone(wanted, () => {
    const starting = new AbortController();
    const giveUp = () => starting.abort(progress.signal.reason);
    progress.signal.addEventListener("abort", giveUp);
    if (progress.signal.aborted) giveUp();
    const begun = () => {
      progress.signal.removeEventListener("abort", giveUp);
      return work({ wanted, stack });
    };
    return stack.use({ ...progress, signal: starting.signal }, begun, { limited });
  });
}

function withProfiling(wanted: Wanted, { api }: Record<string, PartStatus>): Wanted {
  const { environment, kind, runtime } = wanted;
  if (environment.PROFILING) return wanted;
  const canBeKept = kind === "local" && runtime === "node";
  const isOn = api ? api.environment.PROFILING === "on" : canBeKept;
  return { ...wanted, profiling: isOn, environment: { ...environment, PROFILING: isOn ? "on" : "off" } };
}

function requireUsable(stack: Stack, found: Record<string, PartStatus>, limited: boolean): void {
  if (Object.keys(found).length === 0) return;
  const missing = stack.parts.find((part) => !found[part]?.isRunning || !found[part].isReady);
  if (missing) {
    const [ended] = endedParts(stack, found);
    if (ended) throw new FailedError(`no load was sent: ${ended}`, { next: "make otel-up" });
    const reason = found[missing]?.isRunning ? "it is still starting" : "it was not started";
    throw new UserError(`Cannot load: the ${missing} does not run: ${reason}`, { next: "make otel-up" });
  }
  if (!limited && found.worker?.limits) {
    throw new UserError("Cannot use LIMITS=off: the worker that is up runs under its limits", {
      next: "make otel-down, then this command again",
    });
  }
}

/** Two loads at once would measure each other. */
async function alone<T>(checkout: Checkout, work: () => Promise<T>): Promise<T> {
  makeStackFolder(checkout);
  const lock = join(stackFiles(checkout).folder, "load.lock");
  if (!takeLock(lock)) {
    throw new UserError("Cannot load: another load is being recorded in this checkout", { next: "wait for its end" });
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}
