import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { identify, isAlive, type ProcessId } from "./process_id.ts";

/**
 * Takes the lock `file` for this process; `false` when a running process has it. The lock of a process that died is
 * taken over.
 */
export async function takeLock(file: string): Promise<boolean> {
  const mine = identify(process.pid);
  if (!mine) throw new Error(`Cannot identify process ${process.pid}`);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    if (tryLink(draft, file)) return true;
    const holder = readHolder(file);
    if (holder && isAlive(holder)) return false;
    rmSync(file, { force: true });
    if (!tryLink(draft, file)) return false;
    // Two that find the same stale lock could remove each other's new one; who lost sees it after this pause.
    await setTimeout(50);
    return hasLock(file);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Whether this process has the lock `file`: whoever removes the file takes it away. */
export function hasLock(file: string): boolean {
  const holder = readHolder(file);
  return holder?.pid === process.pid && isAlive(holder);
}

/** A link, unlike "create, then write", is never seen half done. */
function tryLink(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readHolder(file: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
