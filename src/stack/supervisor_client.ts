import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Config } from "../config.ts";
import { entryCommand } from "../runtime.ts";
import { UserError } from "../user_error.ts";
import { markOf } from "./mark.ts";
import { lastLine } from "./part.ts";
import { ENDING_MS } from "./plan.ts";
import { isAlive, type ProcessId } from "./process_id.ts";
import type { Answer, PartsProgress, Request } from "./protocol.ts";
import { makeStackFolder, type PartName, readState, type StackState, stackFiles } from "./state.ts";
import { waitFor } from "./wait_for.ts";

/** What is done while the supervisor lends the stack. */
export type Use = () => Promise<void>;

/** The supervisor died in the middle of a command. */
export class SupervisorLostError extends UserError {
  override name = "SupervisorLostError";
}

/**
 * Sends a request to the supervisor, which is started when there is none. Returns the parts that it has started or ended.
 *
 * @throws {UserError} what the supervisor refuses, or why there is none
 */
export async function command(
  config: Config,
  request: Request,
  progress: PartsProgress,
  use?: Use,
): Promise<PartName[]> {
  // One that ends just now is met once or twice, when others type commands at the same time.
  for (let tries = 0; tries < 20; tries++) {
    const supervisor = await ensureSupervisor(config, progress.signal);
    if (!supervisor) continue;
    const answer = await send(supervisor, request, progress, use).catch((error) => {
      if (!(error instanceof SupervisorLostError)) throw error;
      const said = lastLine(stackFiles(config).output("supervisor"));
      throw new SupervisorLostError(`${error.message}${said ? `, its log ends with "${said}"` : ""}`, {
        next: "make otel-down",
      });
    });
    if (!answer || answer.ending) await untilEnded(supervisor);
    if (!answer) continue;
    if ("done" in answer) return answer.done;
    if (answer.expected) throw new UserError(answer.failed, answer.next ? { next: answer.next } : {});
    throw new Error(answer.failed);
  }
  throw new UserError("Cannot reach the supervisor: each one that was started has ended at once", {
    next: `cat "${stackFiles(config).output("supervisor")}"`,
  });
}

async function untilEnded(supervisor: ProcessId): Promise<void> {
  const check = () => (isAlive(supervisor) ? undefined : true);
  await waitFor(check, "the end of the supervisor", { timeoutMs: ENDING_MS, everyMs: 10 });
}

/** The supervisor, started when there is none; `undefined` when it has ended before it could be seen. */
async function ensureSupervisor(config: Config, signal: AbortSignal): Promise<StackState["supervisor"] | undefined> {
  const find = async () => {
    const state = await readState(config);
    return state && isAlive(state.supervisor) ? state.supervisor : undefined;
  };
  const running = await find();
  if (running) return running;

  makeStackFolder(config);
  const output = stackFiles(config).output("supervisor");
  const child = spawnSupervisor(config, output);
  let failure: string | undefined;
  child.on("error", ({ message }) => {
    failure = message;
  });
  const check = async () => {
    const hasEnded = failure !== undefined || child.exitCode !== null || child.signalCode !== null;
    // It ends at once when another command has just started one; then that one is found.
    return (await find()) ?? (hasEnded ? "ended" : undefined);
  };
  const waited = waitFor(check, "the supervisor", { timeoutMs: ENDING_MS, everyMs: 10, signal });
  const seen = await waited.catch(async (error) => {
    const late = await find(); // others may use it by now
    if (!late) child.kill();
    if (late) return late;
    signal.throwIfAborted();
    throw new UserError("Cannot start the supervisor: it does not answer", { next: `cat "${output}"`, cause: error });
  });
  if (seen !== "ended") return seen;
  if (child.exitCode) failure = lastLine(output) || `it ended with exit code ${child.exitCode}`;
  if (failure) throw new UserError(`Cannot start the supervisor: ${failure}`, { next: `cat "${output}"` });
  return undefined;
}

function spawnSupervisor(config: Config, output: string): ChildProcess {
  const { file, args } = entryCommand(join(config.root, "scripts", "supervisor.ts"), config.runtime);
  const log = openSync(output, "a", 0o600); // another one may be writing
  const options: SpawnOptions = { cwd: config.root, detached: true, stdio: ["ignore", log, log] };
  const child = spawn(file, [...args, markOf(config.root)], options);
  closeSync(log);
  child.unref();
  return child;
}

/** Sends one request and passes on its events. `undefined` when the supervisor takes no more: it is about to end. */
async function send(
  { port, token }: StackState["supervisor"],
  request: Request,
  { signal, onEvent }: PartsProgress,
  use?: Use,
): Promise<Extract<Answer, { ending: boolean }> | undefined> {
  const socket = connect(port, "127.0.0.1");
  // Closing our side tells the supervisor to give up; it answers when it has ended again what it had started.
  const giveUp = () => socket.end();
  let answered = false;
  try {
    await once(socket, "connect");
    socket.on("error", () => {}); // it is read to its end
    socket.write(`${JSON.stringify({ ...request, token })}\n`);
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    for await (const line of createInterface({ input: socket })) {
      answered = true;
      const answer: Answer = JSON.parse(line);
      if ("phase" in answer) onEvent(answer);
      else if ("lent" in answer) await use?.().finally(giveUp);
      else return answer;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!["ECONNREFUSED", "ECONNRESET", "EPIPE"].includes(code ?? "")) throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
    socket.destroy();
  }
  if (answered) throw new SupervisorLostError("Cannot finish: the supervisor ended in the middle");
  signal.throwIfAborted();
  return undefined;
}
