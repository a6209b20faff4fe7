import { randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { UserError } from "../terminal/user_error.ts";
import type { Answer, Request, SignedRequest } from "./protocol.ts";

/** Of a request, in characters: what anybody on this machine can make us hold before it is known who it is. */
export const MAX_REQUEST_LENGTH = 1024 * 1024;
/** A connection has this long to prove who it is, in ms. */
const PROOF_MS = 5_000;
/** So many have not proved it yet; the oldest goes for the next. */
const MAX_UNPROVED = 64;

/** A command that has proved who it is, on its connection. */
export interface Caller {
  /** Aborted when it gives up: it closes its side, and still hears how what it had started is ended. */
  gone: AbortSignal;
  tell(event: Answer): void;
  /** Tells the last and closes the connection. */
  finish(result: Answer): void;
  /** Closes the connection without an answer. */
  refuse(): void;
}

/** The loopback port that takes one signed request a connection. Its number and token stand in the state file. */
export class RequestPort {
  readonly token = randomBytes(24).toString("base64url");
  readonly #server = createServer({ allowHalfOpen: true });
  readonly #unproved = new Set<Socket>();
  readonly #proved = new Set<Socket>();

  /** Takes a free port, and returns its number. */
  async open(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#server.on("error", () => {}); // of a connection that could not be accepted
    return (this.#server.address() as { port: number }).port; // a TCP server's address is always an object
  }

  /** Begins to hand on requests. */
  serve(perform: (request: Request, caller: Caller) => Promise<void>): void {
    this.#server.on("connection", (socket) => {
      this.#take(socket, perform).catch(() => socket.destroy());
    });
  }

  /** Takes no more connections, and cuts those that wait for an answer. */
  close(): void {
    this.#server.close();
    for (const socket of [...this.#unproved, ...this.#proved]) if (!socket.writableEnded) socket.destroy();
  }

  async #take(socket: Socket, perform: (request: Request, caller: Caller) => Promise<void>): Promise<void> {
    const gone = new AbortController();
    socket.on("error", () => {});
    for (const event of ["end", "close"]) {
      socket.on(event, () => gone.abort(new UserError("Interrupted: what was started is ended again")));
    }
    const request = await this.#prove(socket);
    if (!request) return void socket.destroy();
    this.#proved.add(socket);
    socket.on("close", () => this.#proved.delete(socket));
    const tell = (event: Answer) => void (socket.writable && socket.write(`${JSON.stringify(event)}\n`));
    await perform(request, {
      gone: gone.signal,
      tell,
      finish(result) {
        tell(result);
        socket.end();
      },
      refuse: () => socket.destroy(),
    });
  }

  /** The request, when it comes in time and with the token. */
  async #prove(socket: Socket): Promise<Request | undefined> {
    const [oldest] = this.#unproved;
    if (this.#unproved.size >= MAX_UNPROVED) oldest?.destroy();
    this.#unproved.add(socket);
    const late = setTimeout(() => socket.destroy(), PROOF_MS);
    try {
      const line = await firstLine(socket);
      return line === undefined ? undefined : this.#read(line);
    } finally {
      clearTimeout(late);
      this.#unproved.delete(socket);
    }
  }

  #read(line: string): Request | undefined {
    try {
      const request: SignedRequest = JSON.parse(line);
      return this.#isToken(request.token) ? request : undefined;
    } catch {
      return undefined; // no JSON, or no object
    }
  }

  #isToken(value: unknown): boolean {
    const [given, own] = [Buffer.from(String(value)), Buffer.from(this.token)];
    return given.length === own.length && timingSafeEqual(given, own);
  }
}

/** The first line without its end; `undefined` when it is too long or does not come. What follows is dropped. */
function firstLine(socket: Socket): Promise<string | undefined> {
  socket.setEncoding("utf8");
  let text = "";
  return new Promise((resolve) => {
    const take = (chunk: string) => {
      const end = chunk.indexOf("\n");
      text += end === -1 ? chunk : chunk.slice(0, end);
      const isTooLong = text.length > MAX_REQUEST_LENGTH;
      if (end === -1 && !isTooLong) return;
      socket.off("data", take).resume();
      resolve(isTooLong ? undefined : text);
    };
    socket.on("data", take);
    for (const event of ["end", "close"]) socket.once(event, () => resolve(undefined));
  });
}
