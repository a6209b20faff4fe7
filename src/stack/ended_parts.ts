import { waitFor } from "../wait_for.ts";
import { describeExit } from "./part.ts";
import type { PartStatus, Stack } from "./stack.ts";

/** How the worker died is found out within this, in ms. */
const EXPLAINED_MS = 8_000;

/**
 * The parts of a stack that have ended without being asked, as "the worker has ended with SIGKILL", with why where that is
 * known. Of one whose end nobody has recorded, as when the supervisor died too: that it does not run any more.
 */
export function endedParts({ parts }: Pick<Stack, "parts">, status: Record<string, PartStatus>): string[] {
  return parts.flatMap((part) => {
    const { isRunning, exit, death } = status[part] ?? {};
    if (isRunning !== false) return [];
    if (exit === undefined) return [`the ${part} does not run any more`];
    // Of one that was killed the exit says all.
    const why = death && !["killed", "ended"].includes(death.kind) ? `: ${death.what}` : "";
    return [`the ${part} has ended with ${describeExit(exit)}${why}`];
  });
}

/** The same as the stack is now, once it is known how its worker died. */
export async function endedPartsExplained(stack: Stack): Promise<string[]> {
  let status = await stack.status();
  const look = async () => {
    const { worker } = status;
    if (worker?.exit === undefined || worker.isRunning || worker.death) return true;
    status = await stack.status();
    return undefined;
  };
  await waitFor(look, "how the worker ended", { timeoutMs: EXPLAINED_MS }).catch(() => {}); // then without it
  return endedParts(stack, status);
}
