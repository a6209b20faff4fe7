import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { UserError } from "../terminal/user_error.ts";
import { BodyReader } from "./body.ts";
import { ProfileReceiver } from "./ingest.ts";
import { ProfileStore } from "./profile_store.ts";
import { Receiver } from "./receiver.ts";
import { Store } from "./store.ts";

const MIB = 1024 * 1024;

export interface CollectorOptions {
  /** Where `traces.jsonl`, `metrics.jsonl` and `collector.log` are written; made if it is missing. */
  folder: string;
  /** 0 picks a free one. @default {4318} */
  port?: number;
  /** Of a body, on the wire and inflated. @default {20 MiB}, that of the real collector */
  maxBodyBytes?: number;
  /** Of `traces.jsonl` and `metrics.jsonl`; each has one predecessor of that size, `<name>.1`. @default {64 MiB} */
  maxFileBytes?: number;
  /** The same of `collector.log`. @default {64 MiB} */
  maxLogBytes?: number;
  /** Where profiles are received, 0 for a free port, and of what size the folder `profiles` may be. @default none are */
  profiles?: { port: number; maxBytes?: number; maxFiles?: number };
}

/** A collector that runs. */
export interface Collector {
  /** `http://127.0.0.1:<port>`: the base of `/v1/traces` and `/v1/metrics`. */
  url: string;
  /** `http://127.0.0.1:<port>`: the base of `/ingest`; `undefined` when no profiles are received. */
  profilesUrl: string | undefined;
  /** What it received so far. */
  counts(): { requests: number; refused: number; spans: number; dataPoints: number };
  /** Takes no more connections, answers the requests in flight, at most 5 s long, and closes the files. */
  close(): Promise<void>;
}

/**
 * Starts a receiver of OTLP/HTTP on 127.0.0.1 that stands in for the OpenTelemetry Collector with the exporters `file` and
 * `debug` (verbosity `normal`), and one for Pyroscope when profiles are wanted. A request is acknowledged when it is in the
 * files.
 *
 * @throws {UserError} when a port is taken or the files cannot be opened
 */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { folder, port = 4318, maxBodyBytes = 20 * MIB, maxFileBytes = 64 * MIB, maxLogBytes = 64 * MIB } = options;
  const servers: Server[] = [];
  const closeAll = () => Promise.all(servers.map(closeServer));
  const open = async (at: number) => {
    const server = makeServer();
    const url = await listen(server, at);
    servers.push(server);
    return { url, answer: (listener: RequestListener) => server.on("request", listener) };
  };
  try {
    // The ports first: they guard the files, which another collector may be writing.
    const otlp = await open(port);
    const ingest = options.profiles && (await open(options.profiles.port));
    const store = openIn(folder, () => new Store({ folder, maxFileBytes, maxLogBytes }));
    const bodies = new BodyReader({ maxBodyBytes, maxHeldBytes: 1.25 * maxBodyBytes });
    const receiver = new Receiver(store, bodies);
    otlp.answer(receiver.listener);
    const profiles = ingest && new ProfileReceiver(openIn(folder, () => openProfiles(options)));
    if (profiles) ingest.answer(profiles.listener);
    return {
      url: otlp.url,
      profilesUrl: ingest?.url,
      counts: () => ({
        requests: receiver.requests,
        refused: receiver.refused,
        spans: store.spans,
        dataPoints: store.dataPoints,
      }),
      async close() {
        receiver.isClosing = true;
        if (profiles) profiles.isClosing = true;
        await closeAll();
        store.close();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function makeServer(): Server {
  // Longer than the 60 s between two exports of metrics: a client must not send on a connection that is just being closed.
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 90_000 });
  server.maxConnections = 256;
  return server;
}

function openProfiles({ folder, profiles }: CollectorOptions): ProfileStore {
  const { maxBytes = 128 * MIB, maxFiles = 5_000 } = profiles ?? {};
  return new ProfileStore({ folder: join(folder, "profiles"), maxBytes, maxFiles });
}

function openIn<T>(folder: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    throw new UserError(`Cannot write to "${folder}": ${(cause as Error).message}`, { cause });
  }
}

async function listen(server: Server, port: number): Promise<string> {
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "EADDRINUSE" ? "the port is taken, a free one is wanted" : message;
    throw new UserError(`Cannot listen on 127.0.0.1:${port}: ${why}`, { cause });
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections(); // On Deno `close` waits for them.
  const deadline = setTimeout(() => server.closeAllConnections(), 5_000);
  // What was answered while its client still sent was not told to close: it stays open, and is idle from the request's end.
  const idle = setInterval(() => server.closeIdleConnections(), 50);
  await closed;
  clearTimeout(deadline);
  clearInterval(idle);
}
