import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { lstatSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";

/** What is on the disk at one path. */
export interface FileState {
  /** `other`: a pipe, a socket, a device, a file of 1 GiB or more, a link whose target is not UTF-8. */
  type: "file" | "link" | "other";
  /** All twelve permission bits of a file; 0 for a link. */
  mode: number;
  /** Id of the git object that holds the file's bytes as they are, or the link's target. */
  blob: string;
  /** In bytes. */
  size: number;
}

/** A {@link FileState} with its content. */
export interface FileContent extends FileState {
  bytes: Buffer;
}

/** A larger file would have to be kept in memory, bytes. */
const MAX_BYTES = 2 ** 30;

/** What is at `path` in the folder `top`; `undefined` when nothing is, when a folder is, or when a link leads there. */
export function readContent(top: string, path: string, algorithm: string): FileContent | undefined {
  if (!isReached(top, path)) return undefined;
  const full = join(top, path);
  const stat = lookAt(full);
  if (!stat || stat.isDirectory()) return undefined;
  const mode = stat.mode & 0o7777;
  const target = stat.isSymbolicLink() ? readlinkSync(full) : "\u{FFFD}";
  if (!target.includes("\u{FFFD}")) return content("link", 0, Buffer.from(target), algorithm);
  if (stat.isFile() && stat.size < MAX_BYTES) return content("file", mode, readFileSync(full), algorithm);
  return { type: "other", mode, blob: "", size: stat.size, bytes: Buffer.alloc(0) };
}

/** The same without the content. */
export function readState(top: string, path: string, algorithm: string): FileState | undefined {
  const found = readContent(top, path, algorithm);
  return found && withoutBytes(found);
}

/** The state that a content is of. */
export function withoutBytes({ type, mode, blob, size }: FileContent): FileState {
  return { type, mode, blob, size };
}

/** The folders that lead to `path`, outermost first: of `a/b/c`, `a` and `a/b`. */
export function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** Whether only folders lead from `top` to `path`, and no link. */
export function isReached(top: string, path: string): boolean {
  return foldersOf(path).every((folder) => isFolder(join(top, folder)));
}

/** Whether `path` is a folder, and no link to one. */
export function isFolder(path: string): boolean {
  return lookAt(path)?.isDirectory() ?? false;
}

/** What is at `path`, also when it is a link; `undefined` when nothing is. */
export function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR" || code === "ELOOP") return undefined; // a file, or a link to itself, where a folder was
    throw error;
  }
}

/** The id is that of a blob: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects, "Object Storage" */
function content(type: "file" | "link", mode: number, bytes: Buffer, algorithm: string): FileContent {
  const blob = createHash(algorithm).update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  return { type, mode, blob, size: bytes.length, bytes };
}
