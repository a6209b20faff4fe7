import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "./log.ts";
import { within } from "./within.ts";

/** What a BullMQ `Queue` and `Worker` have in common, whatever their store is. */
export interface StoreClient {
  closing: Promise<void> | undefined;
  on(event: "error", listener: (error: Error) => void): unknown;
  off(event: "error", listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
  disconnect(): Promise<void>;
  getBackend(): { getQueueMetaField(field: string): Promise<string | null> };
}

/** How long the store may take over the end of a connection. */
const CLOSE_MS = 2_000;

/** Logs that the queue store went away and that it came back, once each, however many errors there are in between. */
export function watchStore(client: StoreClient, log: Log): void {
  let away = false;
  // Without a listener an error event ends the process.
  client.on("error", (error: Error) => {
    // That is no word about the store: the job ended at this moment, or another worker has it, which says so.
    if (away || client.closing || error.message.startsWith("could not renew lock")) return;
    away = true;
    log.warn({ reason: reasonOf(error) }, "queue store failed");
    void untilBack();
  });

  async function untilBack(): Promise<void> {
    while (!client.closing) {
      await sleep(1_000, undefined, { ref: false });
      try {
        await askStore(client, 2_000);
        away = false;
        log.info("queue store answers again");
        return;
      } catch {
        // Still away: the next try tells.
      }
    }
  }
}

/**
 * One query through BullMQ's own connection.
 *
 * @throws when the store does not answer within `ms`
 */
export async function askStore(client: StoreClient, ms: number): Promise<void> {
  await within(client.getBackend().getQueueMetaField("version"), ms, "ask the queue store");
}

/** Work under way, as it comes and goes. */
interface Running {
  size: number;
  keys(): Iterable<Promise<unknown>>;
}

/** Closes a queue or a worker whose jobs have ended, also while the store is away. */
export async function closeStore(client: StoreClient, running: Running = new Set()): Promise<void> {
  // A Redis client that tries to reconnect has to give up first: BullMQ would wait for its end and never see it.
  await askStore(client, CLOSE_MS).catch(() => {});
  const closed = client.close();
  closed.catch(() => {}); // it is looked at when the jobs have ended
  while (running.size > 0) await Promise.allSettled(running.keys());
  try {
    await within(closed, CLOSE_MS, "close the queue");
  } catch {
    // Not awaited, because it may wait for the store too; what it stops no longer keeps the process alive.
    client.disconnect().catch(() => {});
  }
}

/** Why the store did not answer, in one line. */
export function reasonOf(error: unknown): string {
  // Node's error for a host with several addresses has its texts inside.
  const first = error instanceof AggregateError ? error.errors[0] : error;
  const reason = first instanceof Error ? first.message : String(first);
  if (reason.includes("enableOfflineQueue")) return "there is no connection"; // ioredis names its own option
  return reason.includes("client password must be a") ? "a password is wanted" : reason; // pg names its own steps
}

/** Whether the store has refused the user, the password or the database: to ask again would change nothing. */
export function isRefusal(error: unknown): boolean {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  // PostgreSQL, by SQLSTATE: invalid authorization, no such database; pg itself, without a password.
  if (/^(28[0-9A-Z]{3}|3D000)$/.test(code) || message.startsWith("SASL: ")) return true;
  return /\b(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR DB index)\b/.test(message); // Redis
}
