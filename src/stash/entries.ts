import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import type { Git } from "./git.ts";
import { Refusal } from "./refusal.ts";

/** One entry of `git stash list`. */
export interface StashEntry {
  /** As git shows it: `On main: otel-test`. */
  message: string;
  commit: string;
}

/** The commits of `git stash list`, newest first. */
export async function listEntries(git: Git): Promise<string[]> {
  const output = await git.text(["rev-list", "--walk-reflogs", "--ignore-missing", "refs/stash"]);
  return output.split("\n").filter(Boolean);
}

/** Puts an entry on top of the list, unless it is there. */
export async function storeEntry(git: Git, { message, commit }: StashEntry): Promise<void> {
  if ((await listEntries(git)).includes(commit)) return;
  await git.text(["stash", "store", "--message", message, commit]);
}

/** Takes an entry off the list by its commit, unless it is gone. */
export async function dropEntry(git: Git, { commit }: StashEntry): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const position = (await listEntries(git)).indexOf(commit);
    if (position < 0) return;
    const said = await git.text(["stash", "drop", `stash@{${position}}`]);
    const [, dropped] = /\(([0-9a-f]+)\)/.exec(said) ?? [];
    if (dropped === commit) return;
    // git drops by position only: another entry has come to stand there since the list was read.
    const message = (
      await git.text(["show", "--no-patch", "--no-show-signature", "--format=%s", `${dropped}`])
    ).trimEnd();
    await git.text(["stash", "store", "--message", message, `${dropped}`]);
  }
  throw new UserError(`Cannot drop stash entry ${commit}: the list does not stand still`, { next: "git stash list" });
}

/** Somebody else would have to be as quick each time. */
const MAX_TRIES = 5;

/** @throws {Refusal} when an entry is not in the list any more */
export async function requireEntries(git: Git, entries: StashEntry[]): Promise<void> {
  const list = await listEntries(git);
  const gone = entries.find(({ commit }) => !list.includes(commit));
  if (!gone) return;
  throw new Refusal(`Cannot bring changes back: "${visible(gone.message)}" is gone from git stash list`, {
    next: `git stash store -m "${visible(gone.message)}" ${gone.commit}`,
  });
}
