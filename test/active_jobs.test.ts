import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Queue, Worker } from "bullmq";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime, entryCommand } from "../src/settings/runtime.ts";
import { startTestRedis } from "./store.ts";

const { file, args } = entryCommand(join(ROOT, "scripts", "active_jobs.ts"), currentRuntime);
const activeJobs = (url: string, ...queues: string[]) =>
  execa(file, [...args, ...queues], { env: { QUEUE_URL: url }, reject: false });

test("active_jobs prints the jobs that run in the queues that it is given, of any application, and changes nothing", async (t) => {
  const redis = await startTestRedis();
  if (!redis) return t.skip("SKIPPED: there is no redis-server on this machine");
  const connection = { url: redis.url };
  try {
    for (const name of ["mails", "reports", "others"]) {
      const queue = new Queue(name, { connection });
      for (const job of ["runs", "waits"]) await queue.add("x", {}, { jobId: `${job}-${name}` });
      const worker = new Worker(name, null, { connection, autorun: false });
      await worker.getNextJob("token");
      await worker.close();
      await queue.close();
    }
    const { stdout, stderr } = await activeJobs(redis.url, "mails", "reports", "unknown");
    assert.deepEqual(JSON.parse(stdout || stderr).sort(), ["runs-mails", "runs-reports"]);
    const { stdout: exists } = await execa("redis-cli", ["-u", redis.url, "exists", "bull:unknown:meta"]);
    assert.equal(exists, "0");
  } finally {
    redis.child.kill();
  }
  const { exitCode, stderr } = await activeJobs(redis.url, "mails");
  assert.equal(exitCode, 1);
  assert.match(stderr, /^connect ECONNREFUSED 127\.0\.0\.1:\d+$/m);
});
