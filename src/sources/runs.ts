import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readDescription } from "./read_description.ts";

/** So many of the newest proofs are kept and, counted apart, of the recordings. */
export const MAX_RUNS = 50;
/** What all runs may take together, bytes. */
export const MAX_BYTES = 10e9;

/** What is kept, for a sentence. */
export const RETENTION = `older runs are removed: the ${MAX_RUNS} newest proofs and recordings stay, up to ${gigabytes(MAX_BYTES)}, and those that were named`;

/** The ids of all runs in the folder `.prodlike/runs`, oldest first; none when there is no such folder. */
export function runIds(runs: string): string[] {
  if (!existsSync(runs)) return [];
  const folders = readdirSync(runs, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  // Their names begin with the time.
  return folders
    .map(({ name }) => name)
    .filter(isRunId)
    .sort();
}

/** Whether a folder of that name is a run. */
export function isRunId(name: string): boolean {
  return /^\d{8}T\d{6}Z-[0-9a-f]{4}$/.test(name); // its time, and four digits that tell it from another of that second
}

/** Whether `make verify` has recorded the run; what cannot be read counts as a recording. */
export function isProof(folder: string): boolean {
  try {
    return readDescription(join(folder, "run.json")).load?.kind === "verify";
  } catch {
    return false;
  }
}

/** As `10.0 GB`. */
export function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
