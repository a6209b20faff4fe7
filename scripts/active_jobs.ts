import { type BackendFactory, createPostgresBackend, createRedisBackend, type IQueueBackend, Queue } from "bullmq";
import { readEnvironment } from "../src/settings/environment.ts";
import { readSettings } from "../src/settings/settings.ts";

/**
 * Prints the ids of the jobs that the queue store holds as running, as one JSON array, of the BullMQ queues that its
 * arguments name. Changes nothing in the store, and tries to reach it once.
 */
const { queueUrl: url } = readSettings(readEnvironment()).stack;
if (!url) throw fail(new Error("the queue store is the application's own"));
const isPostgres = url.startsWith("postgres");
const connection = isPostgres ? { connectionString: url } : { url, retryStrategy: () => null };
const backend = (isPostgres ? createPostgresBackend : createRedisBackend) as BackendFactory<IQueueBackend>; // of either
const active = await Promise.all(
  process.argv.slice(2).map(async (name) => {
    const queue = new Queue(name, { connection, skipMetasUpdate: true }, backend);
    queue.on("error", fail);
    const ids = await queue.getRanges(["active"], 0, -1).catch(fail);
    await queue.close();
    return ids;
  }),
);
process.stdout.write(`${JSON.stringify(active.flat())}\n`);

/** Without its stack: the last line is what is repeated. */
function fail(error: Error): never {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
