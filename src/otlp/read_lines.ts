import { open } from "node:fs/promises";

/** A part of a JSON Lines file, in bytes. */
export interface FileRange {
  path: string;
  /** Lines that begin before it are left out. @default {0} */
  start?: number;
  /** Lines that begin at it or later are left out. @default the end of the file */
  end?: number;
}

const NEWLINE = 0x0a;

/**
 * The requests in files or ranges of files, one a line, in the order of the files.
 *
 * @throws {SyntaxError} when a finished line is not JSON
 */
export async function* readRequests<Request>(files: Iterable<string | FileRange>): AsyncGenerator<Request> {
  for (const file of files) {
    const range = typeof file === "string" ? { path: file } : file;
    for await (const { text } of readLines(range)) {
      if (text) yield parseRequest(text, range.path);
    }
  }
}

/** @throws {SyntaxError} when the line, of the file `path`, is not JSON */
export function parseRequest<Request>(line: string, path: string): Request {
  try {
    return JSON.parse(line) as Request; // the collector has checked it
  } catch (cause) {
    throw new SyntaxError(`Cannot read "${path}": the line "${line.slice(0, 60)}" is not JSON`, { cause });
  }
}

/** A line without its end, and where the next one begins, bytes. */
export interface Line {
  text: string;
  end: number;
}

/**
 * The lines that begin in a range of a file, without a last one that is not finished: its writer is still at it.
 * A file that does not exist has no lines.
 */
export async function* readLines({ path, start = 0, end = Number.POSITIVE_INFINITY }: FileRange): AsyncGenerator<Line> {
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    const chunk = Buffer.allocUnsafe(256 * 1024);
    let rest: Buffer[] = [];
    let position = Math.max(0, start - 1);
    let lineStart = position;
    // A line begins at `start` only behind a newline: what comes before the first one is the rest of an earlier line.
    let isInLine = start === 0;
    for (;;) {
      const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return;
      let from = 0;
      for (let at = chunk.indexOf(NEWLINE); at !== -1 && at < bytesRead; at = chunk.indexOf(NEWLINE, from)) {
        const line = isInLine && Buffer.concat([...rest, chunk.subarray(from, at)]).toString();
        isInLine = true;
        rest = [];
        from = at + 1;
        lineStart = position + from;
        if (line !== false) yield { text: line, end: lineStart };
        if (lineStart >= end) return;
      }
      if (isInLine) rest.push(Buffer.from(chunk.subarray(from, bytesRead)));
      position += bytesRead;
    }
  } finally {
    await handle.close();
  }
}
