import type { Buffer } from "node:buffer";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { open as openFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { readBlobs } from "./blobs.ts";
import { type FileState, foldersOf, isFolder, isReached, readState } from "./file_state.ts";
import { foldersToRemove } from "./obstacles.ts";
import type { PathState, Side, StashedPath, StashRecord } from "./record.ts";
import type { Repository } from "./repository.ts";

/** What a move does to files. */
export interface FileMove {
  to: Side;
  /** Paths whose file is moved. */
  files: StashedPath[];
  /** What was there when it was planned. */
  before: Map<string, PathState>;
}

/** Removes what a move that was killed has left half written. */
export function removeDrafts({ top }: Repository, record: StashRecord): void {
  for (const folder of new Set(record.paths.flatMap(({ path }) => ["", ...foldersOf(path)]))) {
    const draft = join(folder, draftName(record));
    if (isReached(top, draft)) rmSync(join(top, draft), { recursive: true, force: true });
  }
}

/** Brings files and folders to one side. A file is there in one state or in the other at every moment. */
export async function moveFiles(repository: Repository, record: StashRecord, move: FileMove): Promise<void> {
  const { git, top } = repository;
  const { to, files, before } = move;
  const name = draftName(record);
  const differing = files.filter(({ path, [to]: { file } }) => !isDeepStrictEqual(before.get(path)!.file, file));
  for (const { path } of differing.filter(({ [to]: { file } }) => !file)) {
    requireUnchanged(repository, path, before.get(path)!.file);
    unlinkSync(join(top, path));
  }
  for (const folder of foldersToRemove(files, to)) removeEmpty(join(top, folder));
  if (to === "changed") {
    for (const [folder, mode] of Object.entries(record.folders)) makeFolder(join(top, folder), name, mode);
  }
  const written = differing.filter(({ [to]: { file } }) => file);
  const contents = readBlobs(
    git,
    written.map(({ [to]: { file } }) => file!),
  );
  for (const {
    path,
    [to]: { file },
  } of written) {
    const { value } = await contents.next();
    if (to === "clean") mkdirSync(dirname(join(top, path)), { recursive: true });
    requireUnchanged(repository, path, before.get(path)!.file);
    writeFile(join(top, path), name, file!, value as Buffer);
  }
}

/** Returns when the files of this side are on the disk, should the machine stop at this moment. */
export async function flushFiles({ top }: Repository, { paths }: StashRecord, side: Side): Promise<void> {
  const files = paths.filter(({ [side]: { file } }) => file?.type === "file").map(({ path }) => join(top, path));
  // Some at a time, which a journal writes as one; after all renames, as every rename would wait for its own.
  while (files.length) {
    await Promise.all(
      files.splice(0, 64).map(async (file) => {
        const open = await openFile(file, "r");
        await open.sync().finally(() => open.close());
      }),
    );
  }
}

/** Beside each file while it is written: another folder could be on another disk. */
function draftName({ entries }: StashRecord): string {
  return `.prodlike-${entries[0]!.commit.slice(0, 12)}`;
}

/** Again, as late as can be: an editor may have saved the file since. */
function requireUnchanged({ top, algorithm }: Repository, path: string, state: FileState | undefined): void {
  if (isDeepStrictEqual(readState(top, path, algorithm), state)) return;
  throw new UserError(`Cannot move "${visible(path)}": it has changed at this moment`);
}

function writeFile(file: string, name: string, { type, mode }: FileState, bytes: Buffer): void {
  const draft = join(dirname(file), name);
  if (type === "link") {
    symlinkSync(bytes.toString("utf8"), draft);
  } else {
    const open = openSync(draft, "wx", 0o600);
    try {
      writeFileSync(open, bytes);
      fchmodSync(open, mode); // after the content, whose writing takes setuid away
    } finally {
      closeSync(open);
    }
  }
  renameSync(draft, file);
}

/** Under its own name only when it has its mode. */
function makeFolder(folder: string, name: string, mode: number): void {
  if (isFolder(folder)) return;
  const draft = join(dirname(folder), name);
  mkdirSync(draft);
  chmodSync(draft, mode);
  renameSync(draft, folder);
}

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!["ENOENT", "ENOTDIR", "ENOTEMPTY", "EEXIST"].includes(code ?? "")) throw error;
  }
}
