import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { requireEntries } from "./entries.ts";
import { planMove, runMove } from "./move.ts";
import { flushFiles } from "./move_files.ts";
import { enterPhase, readRecord, type StashRecord } from "./record.ts";
import type { Repository } from "./repository.ts";
import { dropAll, forgetUnmoved } from "./stash.ts";

/**
 * Brings back what was set aside, compares it with the record, then drops the entries. After an error everything is as it
 * was, or the error says what is not. Returns `undefined` when a stash was interrupted before it had moved anything.
 *
 * @throws {Refusal} when it cannot come back exactly; nothing has changed then
 * @throws {UserError} when nothing is set aside
 */
export async function bringBack(repository: Repository, say: (line: string) => void): Promise<StashRecord | undefined> {
  const record = await readRecord(repository);
  if (!record) throw new UserError("Cannot bring changes back: nothing is set aside here", { next: "make stash" });
  const { phase } = record;
  if (phase === "storing") {
    say(`An earlier make stash was interrupted: ${await forgetUnmoved(repository, record)}.`);
    return undefined;
  }
  if (phase === "removing") say("An earlier make stash was interrupted: undoing it.");
  if (phase === "restoring" || phase === "restored") say("An earlier make unstash was interrupted: finishing it.");
  if (phase !== "restored") await putBack(repository, record);
  await dropAll(repository, record);
  return record;
}

async function putBack(repository: Repository, record: StashRecord): Promise<void> {
  await requireEntries(repository.git, record.entries);
  const isWhole = record.phase === "stashed";
  const move = await planMove(repository, record, "changed", { from: isWhole ? ["clean"] : ["clean", "changed"] });
  enterPhase(repository, record, "restoring");
  try {
    await runMove(repository, record, move);
    await flushFiles(repository, record, "changed");
  } catch (cause) {
    throw await undone(repository, record, cause as Error);
  }
  enterPhase(repository, record, "restored");
}

async function undone(repository: Repository, record: StashRecord, cause: Error): Promise<UserError> {
  const next = "make unstash, when the cause is removed: all that was set aside is in git stash list";
  try {
    const move = await planMove(repository, record, "clean", { from: ["changed", "clean"], leaveOthers: true });
    await runMove(repository, record, move);
    if (!move.left.length) enterPhase(repository, record, "stashed");
    const note = move.left.length ? `undone but for "${visible(move.left.join('", "'))}"` : "undone";
    return new UserError(`${cause.message}; ${note}`, { next, cause });
  } catch (error) {
    return new UserError(`${cause.message}; and it cannot be undone: ${(error as Error).message}`, { next, cause });
  }
}
