import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { makeEntries } from "./commits.ts";
import { dropEntry, listEntries, requireEntries, storeEntry } from "./entries.ts";
import { isAt, planMove, runMove } from "./move.ts";
import { enterPhase, forgetRecord, readRecord, type StashRecord } from "./record.ts";
import { Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import type { Selection } from "./select.ts";
import { takeSnapshot } from "./snapshot.ts";

/**
 * Sets changes aside. After an error everything is as it was, or the error says what is not.
 *
 * @throws {Refusal} when one of them cannot be set aside; nothing has changed then
 */
export async function setAside(
  repository: Repository,
  selection: Selection,
  signal: AbortSignal,
): Promise<StashRecord> {
  const snapshot = await takeSnapshot(repository, selection);
  const entries = await makeEntries(repository, snapshot.paths, selection);
  const record: StashRecord = { version: 1, phase: "storing", entries, ...snapshot };
  const move = await planMove(repository, record, "clean", { from: ["changed"] });
  signal.throwIfAborted(); // from here on it is faster to finish
  enterPhase(repository, record, "storing");
  try {
    for (const entry of entries) await storeEntry(repository.git, entry);
    enterPhase(repository, record, "removing");
    await runMove(repository, record, move);
    enterPhase(repository, record, "stashed");
    return record;
  } catch (error) {
    throw await undone(repository, record, error as Error);
  }
}

/**
 * Deals with what an earlier call has left: one that was interrupted is finished, or forgotten when it had moved nothing.
 * Returns the record when changes are set aside now; `undefined` when the way is free.
 *
 * @throws {Refusal} when changes were set aside before, completely
 */
export async function resumeStash(
  repository: Repository,
  say: (line: string) => void,
): Promise<StashRecord | undefined> {
  const record = await readRecord(repository);
  if (!record) return undefined;
  const { phase, entries } = record;
  const interrupted = `An earlier make ${phase === "storing" || phase === "removing" ? "stash" : "unstash"} was interrupted`;
  if (phase === "storing") {
    say(`${interrupted}: ${await forgetUnmoved(repository, record)}.`);
    return undefined;
  }
  if (phase === "restored") {
    say(`${interrupted}: all is back, its entries are dropped now.`);
    await dropAll(repository, record);
    return undefined;
  }
  const list = await listEntries(repository.git);
  if (phase === "stashed" && !entries.some(({ commit }) => list.includes(commit))) {
    say(`What was set aside before is gone from git stash list: ${entries.map(({ commit }) => commit).join(" ")}.`);
    forgetRecord(repository);
    return undefined;
  }
  await requireEntries(repository.git, entries);
  if (phase === "stashed") {
    throw new Refusal(`Cannot set more aside: ${count(record)} set aside already`, { next: "make unstash" });
  }
  say(`${interrupted}: setting aside what it named.`);
  const move = await planMove(repository, record, "clean", { from: ["changed", "clean"] });
  enterPhase(repository, record, "removing");
  await runMove(repository, record, move);
  enterPhase(repository, record, "stashed");
  return record;
}

/** Forgets a stash that had moved nothing, and drops its entries if all is as it was; says so. */
export async function forgetUnmoved(repository: Repository, record: StashRecord): Promise<string> {
  const isUnchanged = await isAt(repository, record, "changed");
  if (isUnchanged) await dropAll(repository, record);
  else forgetRecord(repository);
  return isUnchanged
    ? "nothing had been moved"
    : "nothing had been moved, and as files have changed since, what it made stays in git stash list";
}

/** Drops the entries of a record, then the record. */
export async function dropAll(repository: Repository, record: StashRecord): Promise<void> {
  for (const entry of record.entries) await dropEntry(repository.git, entry);
  forgetRecord(repository);
}

/** "3 paths are", for sentences. */
function count({ paths }: StashRecord): string {
  return paths.length === 1 ? `"${visible(paths[0]!.path)}" is` : `${paths.length} paths are`;
}

async function undone(repository: Repository, record: StashRecord, cause: Error): Promise<UserError> {
  try {
    let left: string[] = [];
    if (record.phase !== "storing") {
      const move = await planMove(repository, record, "changed", { from: ["changed", "clean"], leaveOthers: true });
      await runMove(repository, record, move);
      left = move.left;
    }
    const note = left.length
      ? `undone but for "${visible(left.join('", "'))}", the entries are kept`
      : await forgetUnmoved(repository, record);
    if (left.length) forgetRecord(repository);
    return new UserError(`${cause.message}; ${note}`, { cause });
  } catch (error) {
    const next = "make unstash, when the cause is removed: what is missing in the tree is in git stash list";
    return new UserError(`${cause.message}; and it cannot be undone: ${(error as Error).message}`, { next, cause });
  }
}
