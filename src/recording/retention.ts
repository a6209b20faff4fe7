import { existsSync, lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readDescription } from "../sources/read_description.ts";

/** So many of the newest proofs are kept and, counted apart, of the recordings. */
const MAX_RUNS = 50;
/** What all runs may take together, bytes. */
const MAX_BYTES = 10e9;
/** A file in the folder of a run that the user has named: the run is not removed. */
const KEPT = "kept";
/** Nobody writes a run for so long, ms. */
const ABANDONED_MS = 24 * 3_600_000;

/** What is kept, for a sentence. */
export const RETENTION = `older runs are removed: the ${MAX_RUNS} newest proofs and recordings stay, up to ${gigabytes(MAX_BYTES)}, and those that were named`;

/** The ids of all runs in the folder `.prodlike/runs`, oldest first; none when there is no such folder. */
export function runIds(runs: string): string[] {
  if (!existsSync(runs)) return [];
  const folders = readdirSync(runs, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  // Their names begin with the time.
  return folders
    .map(({ name }) => name)
    .filter((name) => ID.test(name))
    .sort();
}

const ID = /^\d{8}T\d{6}Z-[0-9a-f]{4}$/;

/** Marks the run in `folder` as one that is never removed, since the user named it by `setting`. */
export function keepRun(folder: string, setting: string): void {
  try {
    const text = `Named as ${setting}: prodlike does not remove this run. rm -r "${folder}" does.\n`;
    writeFileSync(join(folder, KEPT), text, { mode: 0o600, flag: "wx" });
  } catch {
    // It is there already; or nothing can be written there, and nothing removed either.
  }
}

/**
 * Removes the oldest runs beyond the bounds, but for `newest`, which was just recorded, and those that the user has named; and
 * what killed processes have left half written. Returns a line for each reason, with the runs that were removed for it.
 */
export function removeOldRuns(runs: string, newest: string): string[] {
  try {
    removeAbandoned(runs);
    const unnamed = runIds(runs).filter((id) => !existsSync(join(runs, id, KEPT)));
    const proofs = unnamed.filter((id) => isProof(join(runs, id)));
    const recordings = unnamed.filter((id) => !proofs.includes(id));
    return [
      ...removeMany(runs, proofs, { newest, what: "proofs" }),
      ...removeMany(runs, recordings, { newest, what: "recordings" }),
      // Proofs are small, and there would be none left before one recording had room.
      ...removeLarge(
        runs,
        [...recordings, ...proofs].filter((id) => id !== newest),
      ),
    ];
  } catch (error) {
    return [`Cannot remove old runs: ${(error as Error).message}`];
  }
}

function removeAbandoned(runs: string): void {
  const drafts = readdirSync(runs).filter((name) => name.startsWith(".") && ID.test(name.slice(1)));
  for (const path of drafts.map((name) => join(runs, name))) {
    const changedMs = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (changedMs < Date.now() - ABANDONED_MS) remove(path);
  }
}

/** Whether `make verify` has recorded the run; what cannot be read counts as a recording. */
export function isProof(folder: string): boolean {
  try {
    return readDescription(join(folder, "run.json")).load.kind === "verify";
  } catch {
    return false;
  }
}

function removeMany(runs: string, ids: string[], { newest, what }: { newest: string; what: string }): string[] {
  const surplus = ids.slice(0, -MAX_RUNS).filter((id) => id !== newest && remove(join(runs, id)));
  return surplus.length ? [`removed, as the ${MAX_RUNS} newest ${what} are kept: ${list(surplus)}`] : [];
}

/** @param ids those that may go, first those that go first */
function removeLarge(runs: string, ids: string[]): string[] {
  const bytesOf = new Map(runIds(runs).map((id) => [id, bytesIn(join(runs, id))]));
  const all = [...bytesOf.values()].reduce((sum, each) => sum + each, 0);
  let bytes = all;
  const surplus: string[] = [];
  for (const id of ids) {
    if (bytes <= MAX_BYTES) break;
    if (!bytesOf.has(id) || !remove(join(runs, id))) continue;
    bytes -= bytesOf.get(id)!;
    surplus.push(id);
  }
  const bound = gigabytes(MAX_BYTES);
  return [
    ...(surplus.length ? [`removed, as the runs took ${gigabytes(all)}, ${bound} are kept: ${list(surplus)}`] : []),
    ...(bytes > MAX_BYTES
      ? [`the runs take ${gigabytes(bytes)}, ${bound} are kept, but the newest and those that were named stay: ${runs}`]
      : []),
  ];
}

/** Whether it could be removed; what cannot, as another user's, keeps no other from it. */
function remove(folder: string): boolean {
  try {
    rmSync(folder, { recursive: true, force: true });
    return true;
  } catch {
    return false; // it is tried again after the next run
  }
}

function bytesIn(path: string): number {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat?.isDirectory()) return stat?.size ?? 0;
    return readdirSync(path).reduce((sum, name) => sum + bytesIn(join(path, name)), 0);
  } catch {
    return 0; // another user's
  }
}

function list(ids: string[]): string {
  const more = ids.length > 3 ? ` and ${ids.length - 3} more` : "";
  return `${ids.slice(0, 3).join(", ")}${more}`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
