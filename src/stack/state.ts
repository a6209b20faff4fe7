import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Death } from "../death/explain_death.ts";
import { DamagedFileError, readJson, type Unchecked, writeJson } from "../files/json_file.ts";
import { withReserve } from "../files/reserve.ts";
import { isAlive, type ProcessId } from "../processes/process_id.ts";
import type { Limits } from "../settings/limits.ts";
import type { Checkout } from "../settings/stack.ts";
import { systemError } from "../terminal/system_error.ts";
import { UserError } from "../terminal/user_error.ts";

/** The processes of the local stack, in the order in which they end. */
export const PARTS = ["api", "worker", "postgres", "collector"] as const;
export type PartName = (typeof PARTS)[number];

/** How a part ended. */
export interface PartExit {
  code: number | null;
  signal: string | null;
  /** ISO 8601. */
  at: string;
}

/** What enforces limits on a part, or why nothing does, and the cgroups that were made for it. */
export interface Limited {
  by: string | { nothing: string };
  folders: string[];
  /** What was asked for; absent in the record of an older version. */
  limits?: Limits;
}

export interface PartState extends ProcessId {
  ready: boolean;
  /** By which its telemetry is known; absent in the record of an older version. */
  partId?: string;
  /** The variables that the stack set for it, by which a later call sees that it asks for others. */
  settings: Record<string, string>;
  /** Present when it runs under the production limits. */
  limited?: Limited;
  /** Present when it has ended without being asked. `null` when the exit code is not known. */
  exit?: PartExit | null;
  /** Of the worker, when it has ended like that. */
  death?: Death;
}

/** What `.prodlike/stack/state.json` holds. Written by the supervisor alone, mode 0600. */
export interface StackState {
  version: 1;
  supervisor: ProcessId & { port: number; token: string };
  parts: Partial<Record<PartName, PartState>>;
}

/** Where the stack of a checkout keeps its files. */
export function stackFiles(checkout: Pick<Checkout, "home">) {
  const folder = join(checkout.home, "stack");
  return {
    folder,
    state: join(folder, "state.json"),
    lock: join(folder, "supervisor.lock"),
    postgres: join(folder, "postgres.json"),
    collectorLog: join(folder, "collector.log"),
    traces: join(folder, "traces.jsonl"),
    metrics: join(folder, "metrics.jsonl"),
    profiles: join(folder, "profiles"),
    /** What the process itself prints. */
    output: (part: PartName | "supervisor") =>
      join(folder, part === "collector" ? "collector-process.log" : `${part}.log`),
  };
}

/**
 * Makes the folder, for this user alone.
 *
 * @throws {UserError} when it cannot be made, may not be written to, or is another user's
 */
export function makeStackFolder({ home }: Pick<Checkout, "home">): void {
  const { folder } = stackFiles({ home });
  try {
    for (const each of [home, folder]) {
      mkdirSync(each, { recursive: true, mode: 0o700 });
      keepToOurselves(each);
    }
    withReserve(folder, () => tryWriting(folder));
  } catch (cause) {
    if (cause instanceof UserError) throw cause;
    const doing = `Cannot write to "${folder}"`;
    const known = systemError(doing, cause, folder);
    if (known) throw known;
    const why = { EEXIST: "there is a file in its place", EACCES: "this user may not" };
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new UserError(`${doing}: ${why[code as keyof typeof why] ?? message}`, {
      next: `ls -ld "${home}" "${folder}"`,
      cause,
    });
  }
}

/** Who could put files there could make us write through links of his. */
function keepToOurselves(folder: string): void {
  const { uid, mode } = statSync(folder);
  const self = process.getuid?.() ?? uid;
  if (uid !== self) {
    const owner = `it belongs to user ${uid}, one of user ${self} is wanted`;
    throw new UserError(`Cannot use "${folder}": ${owner}`, { next: `ls -ld "${folder}", then remove it or chown it` });
  }
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

function tryWriting(folder: string): void {
  const file = join(folder, `writable.${process.pid}`);
  try {
    writeFileSync(file, "?", { mode: 0o600, flag: "wx" });
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * The recorded state; `undefined` when nothing was started since the last `otel-down`, and when the record is damaged or
 * of another version: what runs is then known by its mark alone.
 *
 * @throws {UserError} when it may not be read
 */
export async function readState(checkout: Pick<Checkout, "home">): Promise<StackState | undefined> {
  try {
    return await readJson<StackState>(stackFiles(checkout).state, isState);
  } catch (error) {
    if (error instanceof DamagedFileError) return undefined;
    throw error;
  }
}

function isState({ version, supervisor, parts }: Unchecked<StackState>): boolean {
  const isProcess = (value: Unchecked<ProcessId> | undefined) =>
    Number.isInteger(value?.pid) && typeof value?.started === "string";
  const { port, token } = (supervisor ?? {}) as Unchecked<StackState["supervisor"]>;
  if (version !== 1 || !isProcess(supervisor as object) || !Number.isInteger(port) || typeof token !== "string")
    return false;
  if (typeof parts !== "object" || !parts) return false;
  return Object.entries(parts).every(
    ([name, part]) => PARTS.some((each) => each === name) && isProcess(part) && typeof part.settings === "object",
  );
}

export function writeState(checkout: Pick<Checkout, "home">, state: StackState): void {
  writeJson(stackFiles(checkout).state, state);
}

/** The parts of a state that run right now. */
export function runningParts(state: StackState | undefined): PartName[] {
  return PARTS.filter((name) => {
    const part = state?.parts[name];
    return part !== undefined && isAlive(part);
  });
}

/** Whether a stack is up, be it in part: something of it runs. */
export function isUp(state: StackState | undefined): boolean {
  return state !== undefined && (isAlive(state.supervisor) || runningParts(state).length > 0);
}
