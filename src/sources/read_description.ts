import { lstatSync, readFileSync } from "node:fs";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";

/** `run.json` as far as it can be believed: what is missing or of another kind is absent. */
export interface RunDescription {
  /** ISO 8601. */
  start: string;
  end: string;
  gitRevision?: string;
  runtime?: { name: string; version: string };
  stack?: string;
  store?: string;
  services?: { api: string; worker: string };
  /** `concurrency` */
  worker?: Record<string, unknown>;
  machine?: Record<string, unknown>;
  /** Of the worker; `null`: it had none. */
  limits?: Record<string, unknown>[] | null;
  /** `kind` says which command recorded it. */
  load?: Record<string, unknown>;
  spanAccounting?: Record<string, unknown>;
  throttling?: Record<string, unknown>;
  /** Parts of the stack that ended without being asked. */
  ended?: unknown[];
  lostSpans?: Record<string, unknown>;
  notMeasured: { what: string; reason: string }[];
}

/** A larger `run.json` was not written by us, in bytes. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads the file `run.json`.
 *
 * @throws {UserError} when it is missing, damaged or of another version
 */
export function readDescription(file: string): RunDescription {
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
  const { runtime, services } = { runtime: objectOf(run.runtime), services: objectOf(run.services) };
  const description: Record<keyof RunDescription, unknown> = {
    start,
    end,
    gitRevision: textOf(run.gitRevision),
    runtime: runtime && { name: String(runtime.name), version: String(runtime.version) },
    stack: textOf(run.stack),
    store: textOf(run.store),
    services: services && { api: String(services.api), worker: String(services.worker) },
    worker: objectOf(run.worker),
    machine: objectOf(run.machine),
    limits: run.limits === null ? null : Array.isArray(run.limits) ? run.limits.filter(objectOf) : undefined,
    load: objectOf(run.load),
    spanAccounting: objectOf(run.spanAccounting),
    throttling: objectOf(run.throttling),
    ended: Array.isArray(run.ended) ? run.ended : undefined,
    lostSpans: objectOf(run.lostSpans),
    notMeasured: notMeasuredOf(run.notMeasured),
  };
  const known = Object.entries(description).filter(([, each]) => each !== undefined);
  return Object.fromEntries(known) as unknown as RunDescription; // each was looked at above
}

function notMeasuredOf(value: unknown): RunDescription["notMeasured"] {
  return (Array.isArray(value) ? value : []).flatMap((each: unknown) => {
    const { what, reason } = objectOf(each) ?? {};
    return typeof what === "string" && typeof reason === "string" ? [{ what, reason }] : [];
  });
}

function objectOf(value: unknown): Record<string, unknown> | undefined {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) && Number.isFinite(Date.parse(value));
}

/** Not a link, which could lead anywhere: runs are copied from machine to machine. */
export function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
