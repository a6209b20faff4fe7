import { closeSync, constants, copyFileSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { type FileMark, rangesSince } from "../otlp/live_file.ts";
import { profilesIn, type Window } from "../sources/profile_files.ts";

/** Copies what was appended to `file` since `mark` into the new file `target`. */
export function copySlice(file: string, mark: FileMark, target: string): void {
  const output = openSync(target, "wx", 0o600);
  try {
    for (const { path, start = 0 } of rangesSince(file, mark)) appendRest(path, start, output);
  } finally {
    closeSync(output);
  }
}

function appendRest(path: string, start: number, output: number): void {
  const input = openSync(path, "r");
  const buffer = Buffer.alloc(1024 * 1024);
  try {
    let at = start;
    for (;;) {
      const read = readSync(input, buffer, 0, buffer.length, at);
      if (read === 0) return;
      // On a disk that has just become full a part is written, without an error.
      for (let written = 0; written < read; ) written += writeSync(output, buffer, written, read - written);
      at += read;
    }
  } finally {
    closeSync(input);
  }
}

/** Copies the profiles whose windows overlap with `window` into the new folder `target`; makes none when there are none. */
export function copyProfiles(folder: string, target: string, window: Window): void {
  for (const { path } of profilesIn(folder, window)) {
    const copy = join(target, path.slice(folder.length));
    mkdirSync(join(copy, ".."), { recursive: true, mode: 0o700 });
    try {
      copyFileSync(path, copy, constants.COPYFILE_FICLONE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // the collector has just removed it
    }
  }
}
