import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { workerLine } from "../../test/example_worker_facts.ts";
import { readLastMinute } from "./last_minute.ts";

test("readLastMinute() asks the store for the queues that the process has named, and says what it has not sent", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const file = join(folder, "metrics.jsonl");
    const queues = { mails: { concurrency: 1, lostLocks: 2 }, reports: { concurrency: 2 } };
    const lines = [
      workerLine({ instance: "other", second: 50, queues: { others: { concurrency: 1, lostLocks: 9 } } }),
      workerLine({ instance: "dead", second: 50, queues }),
      workerLine({ instance: "idle", second: 50, queues: {} }),
    ];
    writeFileSync(file, lines.join(""));
    const of = (instance: string) =>
      readLastMinute(file, {
        origin: { service: "worker", resource: { "process.pid": `pid of ${instance}` } },
        endedMs: 60_000,
        askStore: async (names) => names,
      });
    const none = { notMeasured: "it has sent none" };
    assert.deepEqual(await of("dead"), {
      samples: none,
      collections: none,
      lostLocks: 2,
      jobs: ["mails", "reports"],
      lockDurationMs: 30_000,
    });
    const jobs = { notMeasured: "its telemetry names no queue" };
    assert.deepEqual(await of("idle"), {
      ...{ samples: none, collections: none, lostLocks: none, jobs },
      lockDurationMs: undefined,
    });
    assert.deepEqual((await of("unknown")).lostLocks, { notMeasured: "none of its metrics have arrived" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
