import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import type { Config } from "../config.ts";
import { entryCommand } from "../runtime.ts";
import { UserError } from "../user_error.ts";
import { ENDING } from "./plan.ts";
import { endProcess, isAlive, type ProcessId } from "./process_id.ts";
import type { Answer, Progress, Request } from "./protocol.ts";
import {
  isUp,
  makeStackFolder,
  PARTS,
  type PartName,
  readState,
  runningParts,
  type StackState,
  stackFiles,
} from "./state.ts";
import { waitFor } from "./wait_for.ts";

/** The parts that a configuration asks for. */
export function wantedParts(config: Config): PartName[] {
  if (config.onlyCollector) return ["collector"];
  return PARTS.filter((part) => part !== "postgres" || config.queueUrl === undefined);
}

/**
 * Starts what is missing of the stack and waits until it is ready; touches nothing that runs. Returns what it started.
 *
 * @throws {UserError} when a part cannot start, a port is taken, or a running part has other settings
 */
export async function stackUp(config: Config, options: Progress): Promise<PartName[]> {
  return command(config, { command: "up", environment: config.environment, parts: wantedParts(config) }, options);
}

/** Ends everything that `stackUp` started, also what a supervisor that died left behind. Returns what it ended. */
export async function stackDown(config: Config, options: Progress): Promise<PartName[]> {
  const state = await readState(config);
  if (!state) return [];
  const ended = runningParts(state);
  if (isAlive(state.supervisor)) {
    await send(state, { command: "down" }, options);
    await untilEnded(state.supervisor);
  }
  // What is left when the supervisor was dead, or died meanwhile; not what another command has started by now.
  const left = await readState(config);
  if (left && !isAlive(left.supervisor)) await endWithoutSupervisor(config, left, options);
  return ended;
}

/** Restarts the collector with empty files. */
export async function restartCollector(config: Config, options: Progress): Promise<void> {
  const state = await readState(config);
  if (!isUp(state)) {
    throw new UserError("Cannot restart the collector: no stack is up", { next: "make otel-up" });
  }
  await command(config, { command: "restart", part: "collector", environment: config.environment }, options);
}

/** Sends a request to the supervisor, which is started when there is none. */
async function command(config: Config, request: Request, options: Progress): Promise<PartName[]> {
  for (;;) {
    const state = await ensureSupervisor(config, options.signal);
    const started = await send(state, request, options);
    if (started) return started;
    await untilEnded(state.supervisor);
  }
}

async function untilEnded(supervisor: ProcessId): Promise<void> {
  await waitFor(() => (isAlive(supervisor) ? undefined : true), "the end of the supervisor", { everyMs: 10 });
}

async function ensureSupervisor(config: Config, signal: AbortSignal): Promise<StackState> {
  makeStackFolder(config);
  const state = await readState(config);
  if (state && isAlive(state.supervisor)) return state;

  const { file, args } = entryCommand(join(config.root, "scripts", "supervisor.ts"), config.runtime);
  const output = stackFiles(config).output("supervisor");
  const log = openSync(output, "w", 0o600);
  const child = spawn(file, args, { cwd: config.root, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  child.unref();
  const failed = once(child, "error").then(([cause]) => Promise.reject(cause));
  // It ends at once when another command has just started one; then that one's state appears.
  const check = async () => {
    const now = await readState(config);
    return now && isAlive(now.supervisor) ? now : undefined;
  };
  try {
    const seen = waitFor(check, "the supervisor", { timeoutMs: 15_000, everyMs: 10, signal });
    return await Promise.race([seen, failed]);
  } catch (cause) {
    signal.throwIfAborted();
    throw new UserError("Cannot start the supervisor: it does not answer", { next: `cat ${output}`, cause });
  }
}

/** Sends one request and passes on its events. `undefined` when the supervisor takes no more: it is about to end. */
async function send(
  { supervisor: { port, token } }: StackState,
  request: Request,
  { signal, onEvent }: Progress,
): Promise<PartName[] | undefined> {
  signal.throwIfAborted();
  const socket = connect(port, "127.0.0.1");
  // Closing our side tells the supervisor to give up; it answers when it has ended again what it had started.
  const giveUp = () => socket.end();
  signal.addEventListener("abort", giveUp);
  let answered = false;
  try {
    await once(socket, "connect");
    socket.write(`${JSON.stringify({ ...request, token })}\n`);
    for await (const line of createInterface({ input: socket })) {
      answered = true;
      const answer: Answer = JSON.parse(line);
      if ("phase" in answer) onEvent(answer);
      else if ("done" in answer) return answer.started;
      else if (answer.expected) throw new UserError(answer.failed, answer.next ? { next: answer.next } : {});
      else throw new Error(answer.failed);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (answered || !["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(code ?? "")) throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
    socket.destroy();
  }
  signal.throwIfAborted();
  if (!answered) return undefined;
  throw new UserError("Cannot finish: the supervisor ended in the middle", { next: "make otel-down" });
}

async function endWithoutSupervisor(config: Config, state: StackState, { onEvent }: Progress): Promise<void> {
  for (const part of runningParts(state)) {
    const id = state.parts[part]!; // runningParts looks only at those that are there
    const began = performance.now();
    onEvent({ part, phase: "ending" });
    onEvent({ part, phase: await endProcess(id, ENDING[part]), tookMs: performance.now() - began });
  }
  for (const file of [stackFiles(config).state, stackFiles(config).lock]) rmSync(file, { force: true });
}
