import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** People write no larger file, bytes. */
const MAX_BYTES = 2 ** 20;

/**
 * The text of a file that somebody else may have laid down, or why it is not read: it is no plain file, has more than 1 MiB, or
 * may not be read. `undefined` when there is none.
 */
export function readPlainFile(path: string): { text: string } | { reason: string } | undefined {
  let file: number | undefined;
  try {
    // Nonblocking, as the open of a pipe waits for somebody who writes to it.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(file);
    if (stat.isDirectory()) return { reason: "it is a folder" };
    if (!stat.isFile()) return { reason: "it is no plain file" };
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    // The size is not believed: that of a file in /proc is 0.
    for (let read = 1; read > 0 && length < bytes.length; length += read) {
      read = readSync(file, bytes, length, bytes.length - length, null);
    }
    if (length > MAX_BYTES) return { reason: "it has more than 1 MiB" };
    return { text: bytes.toString("utf8", 0, length) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : { reason: message };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
