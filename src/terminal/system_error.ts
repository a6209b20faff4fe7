import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "./user_error.ts";

/** What the operating system says for want of room. */
const FULL = ["ENOSPC", "EDQUOT"];
/** Less is no room, in bytes: a block of a file system. */
const BLOCK_BYTES = 4_096;

/**
 * What a disk or the operating system refuses, in words, with the command that helps; `undefined` for other errors.
 *
 * @param doing `Cannot write "<file>"`
 * @param folder where it was done. @default that of the file that the error names
 */
export function systemError(doing: string, cause: unknown, folder = folderOf(cause)): UserError | undefined {
  const [state, next] = words(codeOf(cause), folder) ?? [];
  return state === undefined ? undefined : new UserError(`${doing}: ${state}`, { ...(next ? { next } : {}), cause });
}

/** The same of what was to be written, also when there are no words for it. */
export function cannotWrite(doing: string, cause: unknown, folder: string): UserError {
  return systemError(doing, cause, folder) ?? new UserError(`${doing}: ${(cause as Error).message}`, { cause });
}

/** Whether an error, or its cause, is that of a full disk or of a quota that is used up. */
export function isFull(error: unknown): boolean {
  return FULL.includes(codeOf(error) ?? "");
}

/** Whether an error says nothing about what was looked at, only that it could not be opened for want of descriptors. */
export function isBlind(error: unknown): boolean {
  return ["EMFILE", "ENFILE"].includes(codeOf(error) ?? "");
}

/** The same for a process of ours that has ended, by what it printed last. */
export function systemErrorIn(doing: string, printed: string, folder: string): UserError | undefined {
  const [code] = /\b(EMFILE|ENFILE|ENOSPC|EDQUOT|EROFS|EIO)\b/.exec(printed) ?? [];
  return systemError(doing, { code }, folder);
}

/** The error of a full disk when that of `folder` is full now: what ended there had no room to say so. */
export function diskFullError(doing: string, folder: string): UserError | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < BLOCK_BYTES ? systemError(doing, { code: "ENOSPC" }, folder) : undefined;
  } catch {
    return undefined; // not known
  }
}

function words(code: string | undefined, folder: string): [state: string, next?: string] | undefined {
  const disk = `the disk of "${folder}"`;
  const look = `df -h "${folder}"`;
  switch (code) {
    case "ENOSPC":
      return [`no space left on ${disk} (ENOSPC)`, look];
    case "EDQUOT":
      return [`the quota of ${disk} is used up (EDQUOT)`, `quota, or ${look}`];
    case "EROFS":
      return [`${disk} is read-only (EROFS)`, look];
    case "EIO":
      return [`${disk} fails (EIO)`, look];
    case "EMFILE":
      return ["too few file descriptors (EMFILE)", "ulimit -n 1024, then this command again"];
    case "ENFILE":
      return ["too many files are open on this machine (ENFILE)"];
  }
  return undefined;
}

function folderOf(error: unknown): string {
  return dirname((error as Partial<NodeJS.ErrnoException> | undefined)?.path ?? "./");
}

function codeOf(error: unknown): string | undefined {
  const { code, cause } = (error ?? {}) as NodeJS.ErrnoException; // whatever was thrown
  return code ?? (cause === undefined ? undefined : codeOf(cause));
}
