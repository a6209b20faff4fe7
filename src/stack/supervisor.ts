import { once } from "node:events";
import { rmSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { fillReserve } from "../files/reserve.ts";
import { hasLock, takeLock } from "../processes/lock.ts";
import { endProcess, identify, isAlive } from "../processes/process_id.ts";
import type { StackSettings } from "../settings/stack.ts";
import { systemError } from "../terminal/system_error.ts";
import { UserError } from "../terminal/user_error.ts";
import { Loans } from "./loans.ts";
import { capLogs } from "./log_files.ts";
import { findMarked } from "./mark.ts";
import { Parts } from "./parts.ts";
import { ENDING_MS } from "./plan.ts";
import type { PartsProgress, Request, Result } from "./protocol.ts";
import { type Caller, RequestPort } from "./request_port.ts";
import { makeStackFolder, PARTS, type PartName, readState, type StackState, stackFiles } from "./state.ts";

/** How often it looks at the sizes of the logs, whether its record is still there, and whether there is anything left to do, in ms. */
const TIDY_EVERY_MS = 1_500;

const removed = new UserError("Interrupted: the record of the stack was removed, so the stack is ended", {
  next: "make otel-up",
});

/**
 * The process that outlives the commands: it starts the parts, sees them end, and takes commands over a loopback port
 * whose number and token stand in the state file. It restarts nothing by itself. It ends when there is nothing left to
 * do, and together with its parts when its record is taken away, as by `rm -rf .prodlike`. Resolves to `false` when the
 * checkout has a supervisor already, else to `true` once it takes commands.
 */
export async function runSupervisor(settings: StackSettings): Promise<boolean> {
  makeStackFolder(settings);
  if (!(await waitForLock(settings))) return false;
  // Only one whose record was taken away, or that waits for the lock.
  for (const { name, id } of findMarked(settings.root)) {
    if (name === "supervisor" && id.pid !== process.pid)
      await endProcess(id, { signal: "SIGTERM", graceMs: ENDING_MS });
  }
  const before = await readState(settings);
  const port = new RequestPort();
  const number = await port.open();
  const self = identify(process.pid);
  if (!self) throw new Error(`Cannot identify process ${process.pid}`);
  const supervisor = new Supervisor(settings, port, { ...self, port: number, token: port.token }, before);
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => supervisor.stop(new UserError(`Interrupted: the supervisor has received ${signal}`)));
  }
  return true;
}

class Supervisor {
  readonly #settings: StackSettings;
  readonly #files: ReturnType<typeof stackFiles>;
  readonly #port: RequestPort;
  readonly #stopping = new AbortController();
  readonly #parts: Parts;
  readonly #loans: Loans;
  readonly #tidying: NodeJS.Timeout;
  /** One command at a time, in the order of their arrival. */
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;
  #isEnding = false;

  /** Takes over what runs of `before`, the record of a supervisor that died. */
  constructor(
    settings: StackSettings,
    port: RequestPort,
    self: StackState["supervisor"],
    before: StackState | undefined,
  ) {
    this.#settings = settings;
    this.#files = stackFiles(settings);
    this.#port = port;
    this.#parts = new Parts(settings, self, before);
    this.#loans = new Loans(settings, this.#parts, this.#stopping.signal);
    port.serve((request, caller) => this.#serve(request, caller));
    this.#tidying = setInterval(() => void this.#tidy().catch(complain), TIDY_EVERY_MS);
  }

  /** Ends the parts, then this process. */
  async stop(reason: UserError): Promise<void> {
    if (this.#isEnding || this.#stopping.signal.aborted) return;
    this.#stopping.abort(reason);
    this.#leaveRecord();
    await this.#last;
    try {
      await this.#parts.end(PARTS, { onEvent: () => {} });
      await this.#parts.removeLostStore();
    } catch (error) {
      complain(error);
    }
    this.#end();
  }

  async #tidy(): Promise<void> {
    if (!(await this.#isOnRecord())) return this.stop(removed); // without effect when it has ended meanwhile
    fillReserve(this.#files.folder);
    this.#parts.catchUp();
    capLogs(this.#settings);
    if (this.#isIdle) this.#end(); // the command that started this process was ended before it could ask
  }

  async #serve(request: Request, { gone, tell, finish, refuse }: Caller): Promise<void> {
    // Unanswered, the command asks the supervisor that comes after this one.
    if (!(await this.#isOnRecord()) || this.#isEnding || this.#stopping.signal.aborted) return refuse();
    this.#pending++;
    const progress = { signal: AbortSignal.any([gone, this.#stopping.signal]), onEvent: tell };
    let result = await this.#inTurn(() => this.#perform(request, progress));
    if (request.command === "use" && "done" in result) {
      tell({ lent: true });
      if (!gone.aborted) await once(gone, "abort");
      result = await this.#inTurn(async () => (this.#isEnding ? [] : this.#loans.giveBack(progress)));
    }
    this.#pending--;
    const ending = this.#isIdle;
    finish({ ...result, ending });
    if (ending) this.#end();
  }

  #inTurn(step: () => Promise<PartName[]>): Promise<Result> {
    const result = this.#last.then(step).then(
      (done) => ({ done }),
      async (error) => explain((await this.#isOnRecord()) ? error : removed),
    );
    this.#last = result; // `stop` waits for it too: the command is to hear why it failed
    return result;
  }

  async #perform(request: Request, progress: PartsProgress): Promise<PartName[]> {
    progress.signal.throwIfAborted();
    const [parts, loans] = [this.#parts, this.#loans];
    if (request.command === "use") return loans.lend(request, progress);
    if (request.command === "down") {
      loans.keepWorker();
      const ended = await parts.end(PARTS, progress);
      return [...ended, ...(await parts.endStrays(progress))];
    }
    const { wanted } = request;
    if (request.command === "restart") {
      await parts.restartCollector(wanted, progress);
      return [request.part];
    }
    await parts.endStrays(progress);
    const started =
      request.command === "limit"
        ? await parts.limitWorker(wanted, request.parts, progress)
        : await parts.start(wanted, request.parts, progress);
    loans.keep();
    if (request.command === "limit") loans.keepWorker();
    return started;
  }

  /** Whether the commands can find this supervisor, and no other takes its place. */
  async #isOnRecord(): Promise<boolean> {
    try {
      return hasLock(this.#files.lock) && (await readState(this.#settings))?.supervisor.token === this.#port.token;
    } catch {
      return true; // it cannot be read right now, which takes nothing away
    }
  }

  get #isIdle(): boolean {
    return this.#pending === 0 && this.#parts.isEmpty;
  }

  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    clearInterval(this.#tidying);
    this.#leaveRecord();
    this.#port.close();
  }

  /** From now on nothing is recorded; the next command starts another supervisor, which waits for the end of this one. */
  #leaveRecord(): void {
    try {
      if (!hasLock(this.#files.lock)) return;
      // In this order: who still finds the state finds a supervisor that is about to end.
      for (const file of [this.#files.state, this.#files.lock]) rmSync(file, { force: true });
    } catch (error) {
      complain(error); // on a disk that is read-only by now: a dead supervisor's record counts for nothing
    }
  }
}

/** `false` when another supervisor takes commands already. One that is about to end is waited for. */
async function waitForLock(settings: StackSettings): Promise<boolean> {
  for (const deadline = performance.now() + ENDING_MS; performance.now() < deadline; await setTimeout(50)) {
    if (takeLock(stackFiles(settings).lock)) return true;
    const state = await readState(settings);
    if (state && isAlive(state.supervisor)) return false;
  }
  throw new UserError("Cannot start the supervisor: an earlier one of this checkout has not ended");
}

function complain(error: unknown): void {
  process.stderr.write(`${error instanceof UserError ? error.message : (error as Error).stack}\n`);
}

function explain(error: unknown): Result {
  const known = error instanceof UserError ? error : systemError("Cannot go on", error);
  if (known) return { failed: known.message, next: known.next, expected: true };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { failed: text, next: undefined, expected: false };
}
