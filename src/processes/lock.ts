import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { withReserve } from "../files/reserve.ts";
import { cannotWrite } from "../terminal/system_error.ts";
import { identify, isAlive, type ProcessId } from "./process_id.ts";

/**
 * Takes the lock `file` for this process; `false` when a running process has it. The lock of a process that died is
 * taken over.
 *
 * @throws {UserError} when it cannot be written, as on a full disk
 */
export function takeLock(file: string): boolean {
  const mine = identify(process.pid);
  if (!mine) throw new Error(`Cannot identify process ${process.pid}`);
  try {
    return withReserve(dirname(file), () => take(file, mine));
  } catch (cause) {
    throw cannotWrite(`Cannot take the lock "${file}"`, cause, dirname(file));
  }
}

function take(file: string, mine: ProcessId): boolean {
  const draft = `${file}.${process.pid}`;
  rmSync(draft, { force: true }); // of a process that had this pid
  try {
    writeFileSync(draft, JSON.stringify(mine), { mode: 0o600, flag: "wx" });
    if (succeeds(() => linkSync(draft, file), "EEXIST")) return true;
    const holder = readHolder(file);
    return (
      !(holder && isAlive(holder)) &&
      removeStale(file, `${draft}.stale`) &&
      succeeds(() => linkSync(draft, file), "EEXIST")
    );
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Whether this process has the lock `file`: whoever removes the file takes it away. */
export function hasLock(file: string): boolean {
  const holder = readHolder(file);
  return holder?.pid === process.pid && isAlive(holder);
}

/** Moves it aside first: of two that find the same stale lock, the slower one must not remove the lock of the faster. */
function removeStale(file: string, aside: string): boolean {
  if (!succeeds(() => renameSync(file, aside), "ENOENT")) return false;
  try {
    const holder = readHolder(aside);
    if (!holder || !isAlive(holder)) return true;
    succeeds(() => linkSync(aside, file), "EEXIST");
    return false;
  } finally {
    rmSync(aside);
  }
}

/** Links and renames, unlike "create, then write", are never seen half done. */
function succeeds(step: () => void, otherwise: "EEXIST" | "ENOENT"): boolean {
  try {
    step();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === otherwise) return false;
    throw error;
  }
}

/** `undefined` when there is no lock, or a damaged one. */
function readHolder(file: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) ?? undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError || code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
