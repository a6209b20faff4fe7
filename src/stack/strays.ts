import { findMarked } from "./mark.ts";
import { endPart } from "./part.ts";
import type { PartsProgress } from "./protocol.ts";
import { PARTS, type PartName } from "./state.ts";

/**
 * Ends the parts that carry the mark of the checkout `root`, but for the processes `known`, and returns which these were:
 * what is left when a supervisor was killed and its state removed.
 */
export async function endStrays(
  root: string,
  known: number[],
  { onEvent }: Pick<PartsProgress, "onEvent">,
): Promise<PartName[]> {
  const strays = findMarked(root).filter(({ id }) => !known.includes(id.pid));
  const ended = PARTS.filter((name) => strays.some((stray) => stray.name === name));
  for (const part of ended) {
    onEvent({ part, phase: "stray" });
    for (const { id } of strays.filter(({ name }) => name === part)) await endPart(part, id, onEvent);
  }
  return ended;
}
