import { isDeepStrictEqual } from "node:util";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { readState } from "./file_state.ts";
import { INTENT, intendToAdd, readIndex, writeIndex } from "./index_state.ts";
import { type FileMove, moveFiles, removeDrafts } from "./move_files.ts";
import { requireIndexRoom, requireRoom } from "./obstacles.ts";
import type { PathState, Side, StashedPath, StashRecord } from "./record.ts";
import { Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import { requireNoSubmodule } from "./submodules.ts";

/** A move that was found possible. */
export interface Move extends FileMove {
  /** Paths whose index entry is moved. */
  entries: StashedPath[];
  /** Paths of which something is in no known state, and stays as it is. */
  left: string[];
}

export interface MoveOptions {
  /** The states that a path may be in. */
  from: readonly Side[];
  /** Whether paths in another state are left as they are, instead of refused. @default {false} */
  leaveOthers?: boolean;
}

/**
 * Finds out whether all paths of a record can be brought to one side; changes nothing but removes half-written drafts.
 *
 * @throws {Refusal} when a path has changed since, or something stands in the way
 */
export async function planMove(
  repository: Repository,
  record: StashRecord,
  to: Side,
  { from, leaveOthers = false }: MoveOptions,
): Promise<Move> {
  removeDrafts(repository, record);
  const index = await readIndex(repository.git);
  const before = observe(repository, record.paths, index);
  const hasKnownFile = ({ path, ...sides }: StashedPath) =>
    from.some((side) => isDeepStrictEqual(before.get(path)!.file, sides[side].file));
  const hasKnownEntry = ({ path, ...sides }: StashedPath) => {
    const { index } = before.get(path)!;
    // git makes an intent to add in two steps, and between them there is no entry.
    const isHalfMade = from.length > 1 && index === undefined && !!sides.changed.index?.endsWith(INTENT);
    return isHalfMade || from.some((side) => index === sides[side].index);
  };
  const left = record.paths.filter((each) => !hasKnownFile(each) || !hasKnownEntry(each)).map(({ path }) => path);
  if (left.length && !leaveOthers) {
    const more = left.length > 1 ? ` and ${left.length - 1} more` : "";
    throw new Refusal(
      `Cannot move "${visible(left[0]!)}"${more}: changed since, the state that was recorded is wanted`,
      {
        next: `git status; by hand: git stash apply --index ${record.entries[0]?.commit}`,
      },
    );
  }
  const [files, entries] = [record.paths.filter(hasKnownFile), record.paths.filter(hasKnownEntry)];
  requireNoSubmodule(repository, index, record.paths);
  requireRoom(repository, files, to);
  requireIndexRoom(index, entries, to);
  return { to, files, entries, before, left };
}

/**
 * Carries a move out: files first, then the index, then everything is compared with the record.
 *
 * @throws when it fails half-way: the paths are then in either state, and another move can go on or back
 */
export async function runMove(repository: Repository, record: StashRecord, move: Move): Promise<void> {
  const { to, before } = move;
  await moveFiles(repository, record, move);
  // All entries, also those that stay: with them goes the size of the file that git has seen, which it trusts more than content.
  const entries = move.entries.map(({ path, [to]: { index } }): [string, string | undefined] => [path, index]);
  const now = await readIndex(repository.git);
  const touched = entries.find(([path]) => now.get(path) !== before.get(path)!.index);
  if (touched) throw new UserError(`Cannot move "${visible(touched[0])}": its index entry has changed at this moment`);
  await writeIndex(repository, entries);
  const intended = entries.filter((each): each is [string, string] => !!each[1]?.endsWith(INTENT));
  await intendToAdd(repository, intended);
  const after = observe(repository, record.paths, await readIndex(repository.git));
  const wrong =
    move.files.find(({ path, [to]: { file } }) => !isDeepStrictEqual(after.get(path)!.file, file)) ??
    move.entries.find(({ path, [to]: { index } }) => after.get(path)!.index !== index);
  if (wrong) throw new UserError(`Cannot move "${visible(wrong.path)}": it differs from what was recorded`);
}

/** Whether each path of the record is on this side. */
export async function isAt(repository: Repository, { paths }: StashRecord, side: Side): Promise<boolean> {
  const now = observe(repository, paths, await readIndex(repository.git));
  return paths.every(
    ({ path, [side]: { file, index } }) =>
      isDeepStrictEqual(now.get(path)!.file, file) && now.get(path)!.index === index,
  );
}

function observe({ top, algorithm }: Repository, paths: StashedPath[], index: Map<string, string>) {
  return new Map<string, PathState>(
    paths.map(({ path }) => [path, { file: readState(top, path, algorithm), index: index.get(path) }]),
  );
}
