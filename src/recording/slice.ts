import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { join, parse } from "node:path";
import type { FileRange } from "../otlp/read_lines.ts";

/** A place in a file that grows and is rotated: the file itself and the bytes it had. */
export interface FileMark {
  /** 0 when there was no file yet. */
  inode: number;
  bytes: number;
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
export function rangesSince(file: string, mark: FileMark): FileRange[] {
  const now = markEnd(file);
  if (now.inode === 0) return [];
  // Emptied in place, as by `otel-restart` or by hand: everything in it is new.
  if (now.inode === mark.inode) return [{ path: file, start: now.bytes >= mark.bytes ? mark.bytes : 0 }];
  const before = rotatedFrom(file).find((path) => mark.inode !== 0 && markEnd(path).inode === mark.inode);
  return [...(before ? [{ path: before, start: mark.bytes }] : []), { path: file, start: 0 }];
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
