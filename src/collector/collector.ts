import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { UserError } from "../user_error.ts";
import { BodyReader } from "./body.ts";
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
}

/** A collector that runs. */
export interface Collector {
  /** `http://127.0.0.1:<port>`: the base of `/v1/traces` and `/v1/metrics`. */
  url: string;
  /** What it received so far. */
  counts(): { requests: number; refused: number; spans: number; dataPoints: number };
  /** Takes no more connections, answers the requests in flight, at most 5 s long, and closes the files. */
  close(): Promise<void>;
}

/**
 * Starts a receiver of OTLP/HTTP on 127.0.0.1 that stands in for the OpenTelemetry Collector with the exporters `file` and
 * `debug` (verbosity `normal`). A request is acknowledged when it is in the files.
 *
 * @throws {UserError} when the port is taken or the files cannot be opened
 */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { folder, port = 4318, maxBodyBytes = 20 * MIB, maxFileBytes = 64 * MIB, maxLogBytes = 64 * MIB } = options;
  // Longer than the 60 s between two exports of metrics: a client must not send on a connection that is just being closed.
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 90_000 });
  server.maxConnections = 256;
  // The port first: it guards the files, which another collector may be writing.
  const url = await listen(server, port);
  let store: Store;
  try {
    store = new Store({ folder, maxFileBytes, maxLogBytes });
  } catch (cause) {
    server.close();
    throw new UserError(`Cannot write to "${folder}": ${(cause as Error).message}`, { cause });
  }
  const bodies = new BodyReader({ maxBodyBytes, maxHeldBytes: 1.25 * maxBodyBytes });
  const receiver = new Receiver(store, bodies);
  server.on("request", receiver.listener);
  return {
    url,
    counts: () => ({
      requests: receiver.requests,
      refused: receiver.refused,
      spans: store.spans,
      dataPoints: store.dataPoints,
    }),
    async close() {
      receiver.isClosing = true;
      await closeServer(server);
      store.close();
    },
  };
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
