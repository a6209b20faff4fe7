import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, statSync, truncateSync, writeSync } from "node:fs";
import { join } from "node:path";
import { isFull } from "../terminal/system_error.ts";

/** What is kept of the disk for the records of the stack, and what of it is given up at a time, in bytes. */
const RESERVE_BYTES = 256 * 1024;
const STEP_BYTES = 8 * 1024;

const fileOf = (folder: string) => join(folder, "reserve");

/**
 * Writes something small in `folder`. On a full disk a step of the reserve is given up for it: others write there too, so
 * that one step may be gone before it is used.
 *
 * @throws what `write` throws, on a full disk when nothing is left of the reserve
 */
export function withReserve<T>(folder: string, write: () => T): T {
  for (;;) {
    try {
      return write();
    } catch (error) {
      if (!isFull(error) || !giveUpStep(folder)) throw error;
    }
  }
}

/** Makes the reserve as large as it is to be, as far as there is room. */
export function fillReserve(folder: string): void {
  let file: number | undefined;
  try {
    file = openSync(fileOf(folder), "a", 0o600);
    const missing = RESERVE_BYTES - fstatSync(file).size;
    // Random, as a file system may store nothing for zeros.
    for (let done = 0; done < missing; done += STEP_BYTES) writeSync(file, randomBytes(STEP_BYTES));
  } catch {
    // No room now; it is tried again.
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function giveUpStep(folder: string): boolean {
  try {
    const { size } = statSync(fileOf(folder));
    if (size > 0) truncateSync(fileOf(folder), Math.max(0, size - STEP_BYTES));
    return size > 0;
  } catch {
    return false;
  }
}
