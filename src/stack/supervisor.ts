import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { type Config, loadConfig } from "../config.ts";
import { UserError } from "../user_error.ts";
import { takeLock } from "./lock.ts";
import { Parts } from "./parts.ts";
import { identify } from "./process_id.ts";
import type { Answer, Progress, Request, SignedRequest } from "./protocol.ts";
import { makeStackFolder, PARTS, readState, stackFiles } from "./state.ts";

/** How often the sizes of the logs are looked at, and whether there is anything left to do, in ms. */
const TIDY_EVERY_MS = 10_000;

/**
 * The process that outlives the commands: it starts the parts, sees them end, and takes commands over a loopback port
 * whose number and token stand in the state file. It restarts nothing by itself. Resolves to `false` when the checkout
 * has a supervisor already, else to `true` once it takes commands.
 */
export async function runSupervisor(config: Config): Promise<boolean> {
  makeStackFolder(config);
  const files = stackFiles(config);
  if (!(await takeLock(files.lock))) return false;

  // One command at a time, in the order of their arrival.
  let last: Promise<unknown> = Promise.resolve();
  const token = randomBytes(24).toString("base64url");
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket).catch(() => socket.destroy()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number }; // a TCP server's address is always an object
  const self = identify(process.pid);
  if (!self) throw new Error(`Cannot identify process ${process.pid}`);
  const parts = new Parts(config, { ...self, port, token }, await readState(config));
  const tidying = setInterval(() => {
    parts.capOutputs();
    if (parts.isEmpty) last.then(endIfEmpty); // the command that started this process was ended before it could ask
  }, TIDY_EVERY_MS);

  async function serve(socket: Socket): Promise<void> {
    const gone = new AbortController();
    socket.on("error", () => {});
    // A command that gives up closes its side; it still hears how what it had started is ended.
    for (const event of ["end", "close"]) {
      socket.on(event, () => gone.abort(new UserError("Interrupted: what was started is ended again")));
    }
    const answer = (line: Answer) => void (socket.writable && socket.write(`${JSON.stringify(line)}\n`));
    for await (const line of createInterface({ input: socket })) {
      const request: SignedRequest = JSON.parse(line);
      if (!isToken(request.token)) return void socket.destroy();
      const work = last.then(() => perform(request, { signal: gone.signal, onEvent: answer }));
      last = work.catch(() => {});
      answer(await work.then(({ started }) => ({ done: true, started }), explain));
      socket.end();
      endIfEmpty();
      return;
    }
  }

  async function perform(request: Request, progress: Progress) {
    progress.signal.throwIfAborted();
    switch (request.command) {
      case "up":
        return { started: await parts.start(loadConfig(request.environment, config.root), request.parts, progress) };
      case "restart":
        await parts.restartCollector(loadConfig(request.environment, config.root), progress);
        return { started: [request.part] };
      case "down":
        await parts.end(PARTS, progress);
        return { started: [] };
    }
  }

  function isToken(value: string): boolean {
    return value.length === token.length && timingSafeEqual(Buffer.from(value), Buffer.from(token));
  }

  function endIfEmpty(): void {
    if (!parts.isEmpty) return;
    clearInterval(tidying);
    // In this order: who still finds the state finds a supervisor that is about to end.
    rmSync(files.state, { force: true });
    rmSync(files.lock, { force: true });
    server.close();
  }

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, async () => {
      await last;
      await parts.end(PARTS, { onEvent: () => {} });
      endIfEmpty();
    });
  }
  return true;
}

function explain(error: unknown): Answer {
  const expected = error instanceof UserError;
  const text = error instanceof Error ? error.message : String(error);
  return {
    failed: expected ? text : ((error as Error).stack ?? text),
    next: expected ? error.next : undefined,
    expected,
  };
}
