import { lstatSync, readFileSync } from "node:fs";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";

/** `run.json` of a run that this version can read. Of what else is in it nothing is known: anybody may have edited it. */
export interface RunFile {
  /** ISO 8601. */
  start: string;
  end: string;
  /** `kind` says which command recorded it. */
  load: Record<string, unknown>;
  [field: string]: unknown;
}

/** A larger `run.json` was not written by us, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads the file `run.json`.
 *
 * @throws {UserError} when it is missing, damaged or of another version
 */
export function readDescription(file: string): RunFile {
  const damaged = (reason: string) =>
    new UserError(`Cannot use "${file}": ${visible(reason)}`, { next: `ls -l "${file}"` });
  if (!isPlainFile(file)) throw damaged("it is missing, or no plain file");
  if (lstatSync(file).size > MAX_BYTES) throw damaged(`it is larger than ${MAX_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw damaged((error as Error).message);
  }
  const run = objectOf(value);
  if (run?.version !== 1) throw damaged("it is damaged, or another version of prodlike wrote it");
  const { start, end } = run;
  if (!isTime(start) || !isTime(end)) throw damaged("it has no start and end");
  return { ...run, start, end, load: objectOf(run.load) ?? {} };
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) && Number.isFinite(Date.parse(value));
}

/** Not a link, which could lead anywhere: runs are copied from machine to machine. */
export function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
