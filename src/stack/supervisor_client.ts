import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { isAlive, type ProcessId } from "../processes/process_id.ts";
import { entryCommand } from "../settings/runtime.ts";
import { cannotWrite, diskFullError, systemError, systemErrorIn } from "../terminal/system_error.ts";
import { UserError } from "../terminal/user_error.ts";
import { waitFor } from "../wait_for.ts";
import { logSize, openLog, textSince } from "./log_files.ts";
import { markArguments } from "./mark.ts";
import { lastLine, lastLineOf } from "./part.ts";
import { ENDING_MS } from "./plan.ts";
import type { Answer, PartsProgress, Request } from "./protocol.ts";
import { MAX_REQUEST_LENGTH } from "./request_port.ts";
import { makeStackFolder, type PartName, readState, type StackState, stackFiles } from "./state.ts";
import type { Wanted } from "./wanted.ts";

/** Between two tries to be heard, in ms. */
const ASK_AGAIN_MS = 100;

/** What is done while the supervisor lends the stack. */
export type Use = () => Promise<void>;

/** There is no supervisor, and none can be started. */
export class NoSupervisorError extends UserError {
  override name = "NoSupervisorError";
}

/** The supervisor died in the middle of a command. */
export class SupervisorLostError extends UserError {
  override name = "SupervisorLostError";
}

/**
 * Sends a request to the supervisor, which is started when there is none. Returns the parts that it has started or ended.
 *
 * @throws {UserError} what the supervisor refuses; {@link NoSupervisorError} why there is none
 */
export async function command(
  wanted: Wanted,
  request: Request,
  progress: PartsProgress,
  use?: Use,
): Promise<PartName[]> {
  try {
    return await ask(wanted, request, progress, use);
  } catch (error) {
    throw error instanceof UserError ? error : (systemError("Cannot reach the supervisor", error) ?? error);
  }
}

async function ask(wanted: Wanted, request: Request, progress: PartsProgress, use?: Use): Promise<PartName[]> {
  const deadline = performance.now() + ENDING_MS;
  // One that ends just now is met once or twice, when others type commands at the same time.
  for (let started = 0; started < 20 && performance.now() < deadline; ) {
    const supervisor = await ensureSupervisor(wanted, progress.signal);
    if (!supervisor) {
      started++;
      continue;
    }
    const answer = await send(supervisor, request, progress, use).catch((error) => {
      if (!(error instanceof SupervisorLostError)) throw error;
      const said = lastLine(stackFiles(wanted).output("supervisor"));
      throw new SupervisorLostError(`${error.message}${said ? `, its log ends with "${said}"` : ""}`, {
        next: "make otel-down",
      });
    });
    // It is about to end, or strangers keep its port busy: then it is asked again.
    if (!answer) await untilEnded(supervisor, ASK_AGAIN_MS).catch(() => progress.signal.throwIfAborted());
    else if (answer.ending) await untilEnded(supervisor, ENDING_MS);
    if (!answer) continue;
    if ("done" in answer) return answer.done;
    if (answer.expected) throw new UserError(answer.failed, answer.next ? { next: answer.next } : {});
    throw new Error(answer.failed);
  }
  throw new UserError("Cannot reach the supervisor: it has taken no request, or each one that was started has ended", {
    next: `cat "${stackFiles(wanted).output("supervisor")}"`,
  });
}

async function untilEnded(supervisor: ProcessId, timeoutMs: number): Promise<void> {
  const check = () => (isAlive(supervisor) ? undefined : true);
  await waitFor(check, "the end of the supervisor", { timeoutMs, everyMs: 10 });
}

/** The supervisor, started when there is none; `undefined` when it has ended before it could be seen. */
async function ensureSupervisor(wanted: Wanted, signal: AbortSignal): Promise<StackState["supervisor"] | undefined> {
  const find = async () => {
    const state = await readState(wanted);
    return state && isAlive(state.supervisor) ? state.supervisor : undefined;
  };
  const running = await find();
  if (running) return running;

  const doing = "Cannot start the supervisor";
  const output = stackFiles(wanted).output("supervisor");
  const look = `cat "${output}"`;
  let child: ChildProcess;
  let from: number;
  try {
    makeStackFolder(wanted);
    from = logSize(output);
    child = spawnSupervisor(wanted, output);
  } catch (cause) {
    throw cause instanceof UserError ? noSupervisor(cause) : cause;
  }
  let failure: Error | undefined;
  child.on("error", (error) => {
    failure = error;
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
    throw new NoSupervisorError(`${doing}: it does not answer`, { next: look, cause: error });
  });
  if (seen !== "ended") return seen;
  if (failure) throw noSupervisor(cannotWrite(doing, failure, dirname(output)));
  if (!child.exitCode) return undefined;
  const printed = textSince(output, from);
  const said = lastLineOf(printed) || `it ended with exit code ${child.exitCode}`;
  const known = systemErrorIn(doing, printed, dirname(output)) ?? diskFullError(`${doing}: ${said}`, dirname(output));
  throw noSupervisor(known ?? new UserError(`${doing}: ${said}`, { next: look }));
}

function noSupervisor({ message, next, cause }: UserError): NoSupervisorError {
  return new NoSupervisorError(message, { ...(next ? { next } : {}), cause });
}

function spawnSupervisor(wanted: Wanted, output: string): ChildProcess {
  const { file, args } = entryCommand(join(wanted.root, "scripts", "supervisor.ts"), wanted.runtime);
  const log = openLog(output); // another one may be writing
  const options: SpawnOptions = { cwd: wanted.root, detached: true, stdio: ["ignore", log, log] };
  const child = spawn(file, markArguments(args, { name: "supervisor", root: wanted.root }), options);
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
  const line = JSON.stringify({ ...request, token });
  if (line.length > MAX_REQUEST_LENGTH) {
    const state = `it has ${line.length} characters, at most ${MAX_REQUEST_LENGTH} are wanted`;
    throw new UserError(`Cannot hand on the environment: ${state}`, { next: "unset its largest variables" });
  }
  const socket = connect(port, "127.0.0.1");
  // Closing our side tells the supervisor to give up; it answers when it has ended again what it had started.
  const giveUp = () => socket.end();
  let answered = false;
  try {
    await once(socket, "connect");
    socket.on("error", () => {}); // it is read to its end
    socket.write(`${line}\n`);
    signal.addEventListener("abort", giveUp);
    if (signal.aborted) giveUp();
    for await (const said of createInterface({ input: socket })) {
      answered = true;
      const answer: Answer = JSON.parse(said);
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
