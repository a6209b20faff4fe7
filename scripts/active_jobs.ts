import { createLog } from "../src/app/log.ts";
import { openReviewQueue } from "../src/app/review_queue.ts";
import { closeStore } from "../src/app/store_watch.ts";
import { readEnvironment } from "../src/settings/environment.ts";
import { readSettings } from "../src/settings/settings.ts";

/** Prints the ids of the jobs that the queue store holds as running, as one JSON array: for who explains a worker's death. */
const { queueUrl: url = "" } = readSettings(readEnvironment()).stack;
const log = createLog("active-jobs");
log.level = "silent";
const queue = await openReviewQueue({ url, log, signal: new AbortController().signal, timeoutMs: 2_000 });
const jobs = await queue.getActive();
process.stdout.write(`${JSON.stringify(jobs.map(({ id }) => id))}\n`);
await closeStore(queue);
