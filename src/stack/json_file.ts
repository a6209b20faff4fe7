import { renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { UserError } from "../user_error.ts";

/**
 * Reads a file that {@link writeJson} wrote; `undefined` when there is none.
 *
 * @throws {UserError} when it is not JSON
 */
export async function readJson<T>(file: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(`Cannot read "${file}": it is not JSON`, { next: `rm ${file}`, cause });
  }
}

/** Writes beside and renames, so that a reader sees the old or the new content; at once, so that no step comes between. */
export function writeJson(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
