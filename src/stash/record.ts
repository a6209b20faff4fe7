import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../files/json_file.ts";
import type { StashEntry } from "./entries.ts";
import type { FileState } from "./file_state.ts";
import type { Repository } from "./repository.ts";
import type { Change } from "./status.ts";

/** One path on the disk and in the index; what is missing is not there. */
export interface PathState {
  file?: FileState | undefined;
  /** Its entry, as of `readIndex()`. */
  index?: string | undefined;
}

/** The two states of each path. */
export type Side = "changed" | "clean";

/** A path with the two states between which it is moved. */
export interface StashedPath extends Change {
  /** With the change of the user. */
  changed: PathState;
  /** As of the commit that was checked out. */
  clean: PathState;
}

/** How far a stash has come; whoever finds it half-way knows from it what to do. */
export type Phase =
  /** The entries are being made; the working tree is untouched. */
  | "storing"
  /** They are made; the changes are being taken away, path by path. */
  | "removing"
  /** Done: set aside. */
  | "stashed"
  /** The changes are being put back, path by path. */
  | "restoring"
  /** They are back, and compared; the entries are being dropped. */
  | "restored";

/** What is set aside: the file `prodlike/stash.json` in the git directory of the working tree. */
export interface StashRecord {
  version: 1;
  phase: Phase;
  entries: StashEntry[];
  paths: StashedPath[];
  /** The folders that led to the paths, with their permission bits. */
  folders: Record<string, number>;
}

/** The record; `undefined` when nothing is set aside. */
export function readRecord({ ours }: Repository): Promise<StashRecord | undefined> {
  return readJson<StashRecord>(fileIn(ours), ({ version, phase, entries, paths, folders }) => {
    return version === 1 && typeof phase === "string" && Array.isArray(entries) && Array.isArray(paths) && !!folders;
  });
}

/** Writes the record with a new phase; it is on the disk when this returns. */
export function enterPhase({ ours }: Repository, record: StashRecord, phase: Phase): void {
  record.phase = phase;
  const draft = `${fileIn(ours)}.new`;
  const file = openSync(draft, "w", 0o600);
  try {
    writeFileSync(file, `${JSON.stringify(record, null, 1)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(draft, fileIn(ours));
}

/** Removes the record. */
export function forgetRecord({ ours }: Repository): void {
  rmSync(fileIn(ours), { force: true });
}

function fileIn(ours: string): string {
  return join(ours, "stash.json");
}
