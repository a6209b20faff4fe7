import { readdirSync, statSync } from "node:fs";
import { join, parse } from "node:path";
import { type FileRange, parseRequest, readLines } from "./read_lines.ts";

/** The collector's live files, which grow and are rotated. */
export interface TelemetryFiles {
  traces: string;
  metrics: string;
  collectorLog: string;
  /** The folder of the profiles; absent where they are not kept as files. */
  profiles?: string;
}

/** A place in a file that grows and is rotated: the file itself and the bytes it had. */
export interface FileMark {
  /** 0 when there was no file yet. */
  inode: number;
  bytes: number;
}

/** A part of a live file. */
export interface LiveRange extends FileRange {
  inode: number;
  start: number;
}

/** Reads each request that is appended to a live file once; from the end of the file as it is now. */
export class LiveFile {
  readonly #path: string;
  #mark: FileMark;

  constructor(path: string) {
    this.#path = path;
    this.#mark = markEnd(path);
  }

  /**
   * The requests that have been appended since the last call.
   *
   * @throws {SyntaxError} when a finished line is not JSON
   */
  async *newRequests<Request>(): AsyncGenerator<Request> {
    for (const { inode, ...range } of rangesSince(this.#path, this.#mark)) {
      // The inode from before it is opened: renamed in between, the rest is read by the next call.
      this.#mark = { inode, bytes: range.start };
      for await (const { text, end } of readLines(range)) {
        this.#mark = { inode, bytes: end };
        if (text) yield parseRequest(text, range.path);
      }
    }
  }
}

/** The end of a file as it is now. */
export function markEnd(file: string): FileMark {
  const stat = statSync(file, { throwIfNoEntry: false });
  return { inode: stat?.ino ?? 0, bytes: stat?.size ?? 0 };
}

/**
 * Where to read what was appended to `file` since `mark`. When the file was rotated meanwhile, its beginning is beside
 * it under another name; when it was rotated twice, what lies between is gone.
 */
export function rangesSince(file: string, mark: FileMark): LiveRange[] {
  const now = markEnd(file);
  if (now.inode === 0) return [];
  // Emptied in place, as by `otel-restart` or by hand: everything in it is new.
  if (now.inode === mark.inode)
    return [{ inode: now.inode, path: file, start: now.bytes >= mark.bytes ? mark.bytes : 0 }];
  const before = rotatedFrom(file).find((path) => mark.inode !== 0 && markEnd(path).inode === mark.inode);
  const { inode } = mark;
  return [...(before ? [{ inode, path: before, start: mark.bytes }] : []), { inode: now.inode, path: file, start: 0 }];
}

/** The last `bytes` of a file; where it is shorter, as after a rotation, with the end of the file before it. */
export function tailOf(file: string, bytes: number): FileRange[] {
  const { bytes: size } = markEnd(file);
  if (size >= bytes) return [{ path: file, start: size - bytes }];
  const [before] = rotatedFrom(file);
  if (!before) return [{ path: file }];
  return [{ path: before, start: Math.max(0, markEnd(before).bytes + size - bytes) }, { path: file }];
}

/**
 * The end of `metrics.jsonl`, which holds the newest points of every process. When one service sends every 60 s, the
 * default of OpenTelemetry, and the other every second, 630 KB lie between two of the first.
 */
export function newestMetrics(file: string): FileRange[] {
  return tailOf(file, 2 * 1024 * 1024);
}

/** What a file was rotated to, newest first: `x.jsonl.1` by our collector, `x-<time>.jsonl` by the real one. */
function rotatedFrom(file: string): string[] {
  const { dir, name, base } = parse(file);
  const names = readdirSync(dir).filter((each) => each !== base && each.startsWith(name));
  return names.sort((a, b) => (a < b ? 1 : -1)).map((each) => join(dir, each));
}
