import { existsSync, lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type OpenedRun, openRun, type RunSetting } from "../sources/open_run.ts";
import { gigabytes, isProof, isRunId, MAX_BYTES, MAX_RUNS, runIds } from "../sources/runs.ts";

/** A file in the folder of a run that the user has named: the run is not removed. */
const KEPT = "kept";
/** Nobody writes a run for so long, ms. */
const ABANDONED_MS = 24 * 3_600_000;

/**
 * Opens the run that the user names by `setting`, which is never removed from then on; `latest` names one as AGAINST or A,
 * with which another is compared.
 *
 * @throws {UserError} as `openRun`
 */
export function openNamedRun(home: string, wanted: string, setting: RunSetting): OpenedRun {
  const run = openRun(home, wanted, setting);
  if (wanted !== "latest" || setting === "AGAINST" || setting === "A") keepRun(run.folder, setting);
  return run;
}

function keepRun(folder: string, setting: string): void {
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
  const drafts = readdirSync(runs).filter((name) => name.startsWith(".") && isRunId(name.slice(1)));
  for (const path of drafts.map((name) => join(runs, name))) {
    const changedMs = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (changedMs < Date.now() - ABANDONED_MS) remove(path);
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
