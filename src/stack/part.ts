import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { dirname } from "node:path";
import { lastError } from "../death/last_words.ts";
import { endProcess, identify, isAlive, type ProcessId } from "../processes/process_id.ts";
import { diskFullError, systemError, systemErrorIn } from "../terminal/system_error.ts";
import { UserError } from "../terminal/user_error.ts";
import { WaitTimeoutError, waitFor } from "../wait_for.ts";
import { logSize, openLog, textSince } from "./log_files.ts";
import { withPartId } from "./part_id.ts";
import { ENDING, type PartPlan } from "./plan.ts";
import type { PartsProgress } from "./protocol.ts";
import type { PartExit, PartName, PartState } from "./state.ts";

/** Of what a part has printed, that much is looked at. */
const KEPT_BYTES = 64 * 1024;

/** A running part: our child, or the child of a supervisor that died, taken over. */
export interface Part {
  id: ProcessId;
  /** Resolves when it has ended; `null` when the exit code cannot be known. */
  exited: Promise<PartExit | null>;
  /** Stops watching, for a supervisor that is about to exit. */
  release(): void;
}

export interface StartOptions {
  /** By which its telemetry is known. */
  partId: string;
  /** The file that takes what it prints. */
  output: string;
  /** Called before anything is awaited, so that the process is on record whatever happens next. */
  onSpawn: (part: Part) => void;
  signal: AbortSignal;
  /** It has this long to become ready. @default {30_000} */
  readyMs?: number;
}

/**
 * Starts a part and waits until it is ready.
 *
 * @throws {UserError} when it cannot be run, ends first or is not ready in time, with what it waited for or the last line it printed
 */
export async function startPart(
  plan: PartPlan,
  { partId, output, onSpawn, signal, readyMs = 30_000 }: StartOptions,
): Promise<void> {
  await plan.prepare?.(signal);
  const doing = `Cannot start the ${plan.name}`;
  const from = logSize(output);
  const refuse = (why: string, cause?: unknown) =>
    systemErrorIn(doing, textSince(output, from), dirname(output)) ??
    diskFullError(`${doing}: ${why}`, dirname(output)) ??
    new UserError(`${doing}: ${why}`, { next: `tail ${output}`, cause });
  const child = spawnPart({ ...plan, environment: withPartId(plan.environment, partId) }, output);
  let isReady = false;
  child.on("message", () => {
    isReady = true;
  });
  // What its IPC channel has to complain of (on Deno: that both sides closed it, that a message ends in the middle) says
  // nothing about the part, and would end the supervisor if nobody listened.
  child.on("error", () => {});
  await once(child, "spawn").catch((cause) => {
    throw systemError(doing, cause) ?? refuse(cause.message, cause);
  });
  const part = watchChild(child);
  onSpawn(part);

  const check = async () => {
    if (!isAlive(part.id)) return "ended";
    if (plan.isReady) isReady = await plan.isReady({ pid: part.id.pid, partId });
    return isReady ? "ready" : undefined;
  };
  const waited = waitFor(check, `the ${plan.name}`, { timeoutMs: readyMs, everyMs: 20, signal });
  const seen = await waited.catch((error) => {
    if (!(error instanceof WaitTimeoutError)) throw error;
    const why = error.cause instanceof Error ? `: ${error.cause.message}` : "";
    throw refuse(`it is not ready after ${readyMs / 1_000} s${why}`, error);
  });
  if (child.connected) child.disconnect();
  if (seen === "ready") return;
  const last = lastLineOf(textSince(output, from));
  throw refuse(`it ended with ${describeExit(await part.exited)}${last ? `: ${last}` : ""}`);
}

/** Takes over a part of a supervisor that died. Its exit code goes to nobody, so only its end is seen. */
export function adoptPart(state: PartState): Part {
  let timer: NodeJS.Timeout | undefined;
  const exited = new Promise<null>((resolve) => {
    timer = setInterval(() => {
      if (mayBeAlive(state)) return;
      clearInterval(timer);
      resolve(null);
    }, 500);
  });
  return { id: { pid: state.pid, started: state.started }, exited, release: () => clearInterval(timer) };
}

/** Ends a part as it has to be ended, and says so. */
export async function endPart(part: PartName, id: ProcessId, onEvent: PartsProgress["onEvent"]): Promise<void> {
  const began = performance.now();
  onEvent({ part, phase: "ending" });
  const phase = await endProcess(id, ENDING[part]);
  onEvent({ part, phase, tookMs: performance.now() - began });
}

/** An exit as people say it. */
export function describeExit(exit: PartExit | null): string {
  if (!exit) return "an exit code that nobody saw";
  return exit.signal ?? `exit code ${exit.code}`;
}

function mayBeAlive(id: ProcessId): boolean {
  try {
    return isAlive(id);
  } catch {
    return true; // it cannot be seen right now
  }
}

function spawnPart({ file, args, cwd, environment, isReady, uid, gid }: PartPlan, output: string): ChildProcess {
  const log = openLog(output);
  try {
    // Detached: a Ctrl-C in the terminal ends the command that was typed, not the stack. A file, not a pipe: its output
    // survives the supervisor.
    const stdio = isReady ? (["ignore", log, log] as const) : (["ignore", log, log, "ipc"] as const);
    const owner = uid === undefined || gid === undefined ? {} : { uid, gid };
    return spawn(file, args, { cwd, env: environment, stdio: [...stdio], detached: true, ...owner });
  } finally {
    closeSync(log);
  }
}

function watchChild(child: ChildProcess): Part {
  const exited = new Promise<PartExit>((resolve) => {
    child.on("exit", (code, signal) => resolve({ code, signal, at: new Date().toISOString() }));
  });
  const pid = child.pid!; // checked by the caller
  try {
    return { id: identify(pid) ?? { pid, started: "ended at once" }, exited, release: () => release(child) };
  } catch (error) {
    child.kill("SIGKILL"); // nobody could end it later
    throw error;
  }
}

function release(child: ChildProcess): void {
  try {
    child.unref();
  } catch {
    // Deno: it has just ended.
  }
}

/** The end of a log file; empty when there is none. */
export function lastText(file: string): string {
  return textSince(file, Math.max(0, logSize(file) - KEPT_BYTES));
}

/** The last line of a log file, as {@link lastLineOf}; empty when there is none. */
export function lastLine(file: string): string | undefined {
  return lastLineOf(lastText(file));
}

/** Lines that say nothing of why a process ended: of telemetry about itself, and the last of PostgreSQL and of Node. */
const IDLE_LINE = /^telemetry (error|warning): |LOG: {2}database system is shut down$|^Node\.js v/;

/** A line of a stack trace, or of the properties of an error behind it. */
const BELOW_ERROR = /^(\s|[}\]])/;

/** The last line of a log that says something; of a stack trace that of its error, of a line by Pino its message. */
export function lastLineOf(log: string): string | undefined {
  const lines = log.trimEnd().split("\n");
  const line = lines.findLast((each) => each && !IDLE_LINE.test(each)) ?? lines.at(-1);
  if (line && BELOW_ERROR.test(line)) return lastError(log) ?? line;
  if (!line?.startsWith("{")) return line;
  try {
    const { msg, err } = JSON.parse(line); // Pino
    return [msg, err?.message].filter(Boolean).join(": ");
  } catch {
    return line;
  }
}
