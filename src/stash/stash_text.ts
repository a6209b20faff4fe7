import { visible } from "../terminal/visible_text.ts";
import type { StashRecord } from "./record.ts";
import type { Selection } from "./select.ts";
import type { Change } from "./status.ts";

/** A line for each path: its state, its name, and why it is left out. */
export function selectionLines({ changes, skipped }: Pick<Selection, "changes" | "skipped">): string[] {
  const wide = Math.max(...changes.map(({ state }) => state.length), "skipped".length);
  return [
    ...changes.map(({ path, state }) => `  ${state.padEnd(wide)}  ${shown(path)}`),
    ...skipped.map(({ path, reason }) => `  ${"skipped".padEnd(wide)}  ${shown(path)}: ${reason}`),
  ];
}

/** A line for each entry of `git stash list`. */
export function entryLines({ entries }: StashRecord): string[] {
  return entries.map(({ message, commit }) => `  ${commit.slice(0, 12)}  ${visible(message)}`);
}

/** What machines read of paths. */
export function pathsJson(changes: readonly Change[]): object[] {
  return changes.map(({ path, kind, state }) => ({ path, kind, state }));
}

/** A name as it can be seen, in quotes when there is a space at an end. */
function shown(path: string): string {
  return /^\s|\s$/.test(path) ? `"${visible(path)}"` : visible(path);
}
