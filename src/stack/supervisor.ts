import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { type Config, loadConfig } from "../config.ts";
import { UserError } from "../user_error.ts";
import { hasLock, takeLock } from "./lock.ts";
import { findMarked } from "./mark.ts";
import { Parts } from "./parts.ts";
import { ENDING_MS } from "./plan.ts";
import { removeStore } from "./postgres.ts";
import { endProcess, identify, isAlive } from "./process_id.ts";
import type { Answer, PartsProgress, Request, Result, SignedRequest } from "./protocol.ts";
import { makeStackFolder, PARTS, type PartName, readState, stackFiles } from "./state.ts";

/** How often it looks at the sizes of the logs, whether its record is still there, and whether there is anything left to do, in ms. */
const TIDY_EVERY_MS = 1_500;

type Lending = Extract<Request, { command: "use" }>;

const removed = new UserError("Interrupted: the record of the stack was removed, so the stack is ended", {
  next: "make otel-up",
});

/**
 * The process that outlives the commands: it starts the parts, sees them end, and takes commands over a loopback port
 * whose number and token stand in the state file. It restarts nothing by itself. It ends when there is nothing left to
 * do, and together with its parts when its record is taken away, as by `rm -rf .prodlike`. Resolves to `false` when the
 * checkout has a supervisor already, else to `true` once it takes commands.
 */
export async function runSupervisor(config: Config): Promise<boolean> {
  makeStackFolder(config);
  const files = stackFiles(config);
  if (!(await waitForLock(config))) return false;
  // Only one whose record was taken away, or that waits for the lock.
  for (const { name, id } of findMarked(config.root)) {
    if (name === "supervisor" && id.pid !== process.pid)
      await endProcess(id, { signal: "SIGTERM", graceMs: ENDING_MS });
  }

  // One command at a time, in the order of their arrival.
  let last: Promise<unknown> = Promise.resolve();
  let pending = 0;
  /** Whether the stack stays when nobody uses it. */
  let isKept = true;
  let users = 0;
  let storeIsNew = false;
  /** What the worker was before it was limited for somebody who uses the stack. */
  let replaced: { wanted: Config; names: PartName[] } | undefined;
  let isEnding = false;
  const stopping = new AbortController();
  const sockets = new Set<Socket>();
  const token = randomBytes(24).toString("base64url");
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket).catch(() => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number }; // a TCP server's address is always an object
  const self = identify(process.pid);
  if (!self) throw new Error(`Cannot identify process ${process.pid}`);
  const parts = new Parts(config, { ...self, port, token }, await readState(config));
  const tidying = setInterval(async () => {
    if (!(await isOnRecord())) return stop(removed); // without effect when it has ended meanwhile
    parts.capOutputs();
    if (isIdle()) end(); // the command that started this process was ended before it could ask
  }, TIDY_EVERY_MS);

  async function serve(socket: Socket): Promise<void> {
    sockets.add(socket);
    const gone = new AbortController();
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    // A command that gives up closes its side; it still hears how what it had started is ended.
    for (const event of ["end", "close"]) {
      socket.on(event, () => gone.abort(new UserError("Interrupted: what was started is ended again")));
    }
    const answer = (line: Answer) => void (socket.writable && socket.write(`${JSON.stringify(line)}\n`));
    const inTurn = (step: () => Promise<PartName[]>): Promise<Result> => {
      const result = last.then(step).then(
        (done) => ({ done }),
        async (error) => explain((await isOnRecord()) ? error : removed),
      );
      last = result; // `stop` waits for it too: the command is to hear why it failed
      return result;
    };
    for await (const line of createInterface({ input: socket })) {
      const request: SignedRequest = JSON.parse(line);
      // Unanswered, the command asks the supervisor that comes after this one.
      if (!isToken(request.token) || !(await isOnRecord()) || isEnding || stopping.signal.aborted)
        return void socket.destroy();
      pending++;
      const progress = { signal: AbortSignal.any([gone.signal, stopping.signal]), onEvent: answer };
      let result = await inTurn(() => perform(request, progress));
      if (request.command === "use" && "done" in result) {
        answer({ lent: true });
        if (!gone.signal.aborted) await once(gone.signal, "abort");
        result = await inTurn(() => giveBack(progress));
      }
      pending--;
      const ending = isIdle();
      answer({ ...result, ending });
      socket.end();
      if (ending) end();
      return;
    }
  }

  async function perform(request: Request, progress: PartsProgress): Promise<PartName[]> {
    progress.signal.throwIfAborted();
    switch (request.command) {
      case "up": {
        await parts.endStrays(progress);
        const started = await parts.start(loadConfig(request.environment, config.root), request.parts, progress);
        isKept = true;
        storeIsNew = false;
        return started;
      }
      case "use": {
        users++;
        try {
          return await lend(request, progress);
        } catch (error) {
          await giveBack(progress);
          throw error;
        }
      }
      case "limit": {
        await parts.endStrays(progress);
        isKept = true;
        storeIsNew = false;
        replaced = undefined;
        return parts.limitWorker(loadConfig(request.environment, config.root), request.parts, progress);
      }
      case "restart":
        await parts.restartCollector(loadConfig(request.environment, config.root), progress);
        return [request.part];
      case "down": {
        replaced = undefined;
        const ended = await parts.end(PARTS, progress);
        return [...ended, ...(await parts.endStrays(progress))];
      }
    }
  }

  async function lend({ environment, parts: names, limited }: Lending, progress: PartsProgress): Promise<PartName[]> {
    const wanted = loadConfig(environment, config.root);
    if (parts.isEmpty) {
      isKept = false;
      storeIsNew ||= !existsSync(files.postgres);
      await parts.endStrays(progress);
      if (!limited) return parts.start(wanted, names, progress);
    } else if (!limited) return [];
    else if (!parts.isLimited) {
      await parts.start(wanted, names, progress); // refuses a worker that could not come back as it was
      replaced = { wanted, names };
    }
    return parts.limitWorker(wanted, names, progress);
  }

  async function giveBack({ onEvent }: PartsProgress): Promise<PartName[]> {
    if (--users > 0 || isKept || isEnding) {
      await restoreWorker(onEvent);
      return [];
    }
    const ended = await parts.end(PARTS, { onEvent });
    if (storeIsNew) await removeStore(files.postgres);
    storeIsNew = false;
    return ended;
  }

  async function restoreWorker(onEvent: PartsProgress["onEvent"]): Promise<void> {
    if (!replaced) return;
    const { wanted, names } = replaced;
    replaced = undefined;
    await parts.end(["worker"], { onEvent });
    const kept = names.filter((name) => name === "worker" || parts.isRunning(name)); // what is dead stays dead
    await parts.start(wanted, kept, { onEvent, signal: stopping.signal });
  }

  function isToken(value: string): boolean {
    return value.length === token.length && timingSafeEqual(Buffer.from(value), Buffer.from(token));
  }

  /** Whether the commands can find this supervisor, and no other takes its place. */
  async function isOnRecord(): Promise<boolean> {
    try {
      return hasLock(files.lock) && (await readState(config))?.supervisor.token === token;
    } catch {
      return true; // it cannot be read right now, which takes nothing away
    }
  }

  function isIdle(): boolean {
    return pending === 0 && parts.isEmpty;
  }

  async function stop(reason: UserError): Promise<void> {
    if (isEnding || stopping.signal.aborted) return;
    stopping.abort(reason);
    leaveRecord();
    await last;
    await parts.end(PARTS, { onEvent: () => {} });
    await parts.removeLostStore();
    end();
  }

  function end(): void {
    if (isEnding) return;
    isEnding = true;
    clearInterval(tidying);
    leaveRecord();
    server.close();
    for (const socket of sockets) if (!socket.writableEnded) socket.destroy();
  }

  /** From now on nothing is recorded; the next command starts another supervisor, which waits for the end of this one. */
  function leaveRecord(): void {
    if (!hasLock(files.lock)) return;
    // In this order: who still finds the state finds a supervisor that is about to end.
    for (const file of [files.state, files.lock]) rmSync(file, { force: true });
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => stop(new UserError(`Interrupted: the supervisor has received ${signal}`)));
  }
  return true;
}

/** `false` when another supervisor takes commands already. One that is about to end is waited for. */
async function waitForLock(config: Config): Promise<boolean> {
  for (const deadline = performance.now() + ENDING_MS; performance.now() < deadline; await setTimeout(50)) {
    if (takeLock(stackFiles(config).lock)) return true;
    const state = await readState(config);
    if (state && isAlive(state.supervisor)) return false;
  }
  throw new UserError("Cannot start the supervisor: an earlier one of this checkout has not ended");
}

function explain(error: unknown): Result {
  const expected = error instanceof UserError;
  const text = error instanceof Error ? error.message : String(error);
  return {
    failed: expected ? text : ((error as Error).stack ?? text),
    next: expected ? error.next : undefined,
    expected,
  };
}
