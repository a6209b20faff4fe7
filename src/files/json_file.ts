import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { cannotWrite, systemError } from "../terminal/system_error.ts";
import { UserError } from "../terminal/user_error.ts";
import { withReserve } from "./reserve.ts";

/** As "w", but a link that somebody else has put there is not followed. */
const DRAFT_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** A file that is damaged, or of another version of prodlike. */
export class DamagedFileError extends UserError {
  override name = "DamagedFileError";
}

/** What is read from a file before it is known to be whole. */
export type Unchecked<T> = { readonly [K in keyof T]?: unknown };

/**
 * Reads a file that {@link writeJson} wrote; `undefined` when there is none.
 *
 * @throws {DamagedFileError} when it is no JSON object that `isWhole` accepts
 * @throws {UserError} when it may not be read
 */
export async function readJson<T extends object>(
  file: string,
  isWhole: (value: Unchecked<T>) => boolean,
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    const doing = `Cannot read "${file}"`;
    throw (
      systemError(doing, cause, dirname(file)) ??
      new UserError(`${doing}: ${message}`, { next: `ls -l "${file}"`, cause })
    );
  }
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value && isWhole(value)) return value;
  } catch {
    // Not JSON.
  }
  throw new DamagedFileError(`Cannot use "${file}": it is damaged, or another version of prodlike wrote it`, {
    next: `rm "${file}"`,
  });
}

/**
 * Writes beside and renames, so that a reader sees the old or the new content; at once, so that no step comes between.
 *
 * @throws {UserError} when it cannot be written, as on a full disk
 */
export function writeJson(file: string, value: unknown): void {
  try {
    withReserve(dirname(file), () => replace(file, `${JSON.stringify(value, null, 2)}\n`));
  } catch (cause) {
    throw cannotWrite(`Cannot write "${file}"`, cause, dirname(file));
  }
}

function replace(file: string, text: string): void {
  const draft = `${file}.new`;
  const handle = openSync(draft, DRAFT_FLAGS, 0o600);
  try {
    writeFileSync(handle, text);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true }); // half of it takes room that others need
    throw error;
  } finally {
    closeSync(handle);
  }
}
