import { type BackendFactory, ConnectionClosedError, createPostgresBackend, type IQueueBackend } from "bullmq";
import { reasonOf } from "./store_watch.ts";

/** What the server says of a query that it has looked at: an SQLSTATE, but for those of a server that is out of reach. */
const ABOUT_THE_QUERY = /^(?!08|53|57P)[0-9A-Z]{5}$/; // connection exception, no resources, shutting down or starting up

/**
 * BullMQ's PostgreSQL backend with errors by which a worker knows that the store is away. By itself it knows a refused
 * connection alone: a job that ends while a server stops or starts would be failed, or be run a second time.
 */
export const createStoreBackend = ((name, options, more) => {
  const backend = createPostgresBackend(name, options as Parameters<typeof createPostgresBackend>[1], more);
  const { pool } = backend.connection;
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
