import { type BackendFactory, ConnectionClosedError, createPostgresBackend, type IQueueBackend } from "bullmq";
import pg from "pg";
import { reasonOf } from "./store_watch.ts";

/** What the server says of a query that it has looked at: an SQLSTATE, but for those of a server that is out of reach. */
const ABOUT_THE_QUERY = /^(?!08|53|57P)[0-9A-Z]{5}$/; // connection exception, no resources, shutting down or starting up

/**
 * BullMQ's PostgreSQL backend with errors by which a worker knows that the store is away. By itself it knows a refused
 * connection alone: a job that ends while a server stops or starts would be failed, or be run a second time.
 */
export const createStoreBackend = ((name, options, more) => {
  const backend = createPostgresBackend(name, options as Parameters<typeof createPostgresBackend>[1], more);
  const { connection } = backend;
  Object.assign(connection, { pgModule: { Client: ListenClient } }); // private to BullMQ: it makes its LISTEN client of it
  const { pool } = connection;
  const query = pool.query.bind(pool);
  pool.query = async (...args) => {
    try {
      return await query(...args);
    } catch (error) {
      const { code, severity } = error as { code?: string; severity?: string };
      // Only a server's own words have a severity: EPIPE has five letters too.
      if (severity && ABOUT_THE_QUERY.test(code ?? "")) throw error;
      throw new ConnectionClosedError(reasonOf(error), error as Error);
    }
  };
  return backend;
}) as BackendFactory<IQueueBackend>;

/**
 * The client of LISTEN. BullMQ listens for its errors only after it has connected and until it ends it, so that a server
 * that stops a moment before or after would end this process.
 */
export class ListenClient extends pg.Client {
  #lost: Error | undefined;

  constructor(config: pg.ClientConfig) {
    super(config);
    this.on("error", (error) => {
      this.#lost = error;
    });
  }

  // BullMQ does not use the forms with a callback.
  override connect = (async () => {
    await super.connect();
    if (this.#lost) throw this.#lost;
    return this;
  }) as pg.Client["connect"];

  override end = (async () => {
    this.on("error", () => {});
    await super.end();
  }) as pg.Client["end"];
}
