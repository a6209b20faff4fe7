import { existsSync, fstatSync, openSync, readFileSync, readSync, statSync, truncateSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Checkout } from "../settings/stack.ts";
import { cannotWrite } from "../terminal/system_error.ts";
import { PARTS, stackFiles } from "./state.ts";

/** The log of a part is emptied when it exceeds this, in bytes. */
const MAX_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;

/**
 * Opens the file that takes what a process prints; who else writes there goes on.
 *
 * @throws {UserError} when it cannot be opened
 */
export function openLog(file: string): number {
  try {
    const log = openSync(file, "a+", 0o600);
    endLine(log);
    return log;
  } catch (cause) {
    throw cannotWrite(`Cannot write "${file}"`, cause, dirname(file));
  }
}

/** A process that ended on a full disk has left half a line. */
function endLine(log: number): void {
  const { size } = fstatSync(log);
  const last = Buffer.alloc(1);
  if (size === 0 || readSync(log, last, 0, 1, size - 1) === 0 || last[0] === NEWLINE) return;
  try {
    writeSync(log, "\n");
  } catch {
    // The disk is still full.
  }
}

/** How long a log is, in bytes; 0 when there is none. */
export function logSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** What a log has got since it was `from` bytes long, without the colours that Deno prints into files too. */
export function textSince(file: string, from: number): string {
  return existsSync(file) ? stripVTControlCharacters(readFileSync(file).subarray(from).toString()) : "";
}

/** Empties each log of a part that has grown too large. Its writers append, so they go on at its new end. */
export function capLogs(checkout: Pick<Checkout, "home">): void {
  for (const file of PARTS.map(stackFiles(checkout).output)) {
    if (logSize(file) > MAX_BYTES) truncateSync(file);
  }
}
