import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { workerLine } from "../../test/example_worker_facts.ts";
import { awaitWorkerFacts } from "./worker_facts.ts";

test("awaitWorkerFacts() waits for the metrics of the process, and says at once when none will come", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const metrics = join(folder, "metrics.jsonl");
    const queues = { mails: { concurrency: 3 } };
    writeFileSync(metrics, workerLine({ instance: "before", second: 1, queues: { mails: { concurrency: 9 } } }));
    let looks = 0;
    const telemetry = {
      files: { metrics },
      refresh: async () => {
        if (++looks === 3) appendFileSync(metrics, workerLine({ instance: "new", second: 2, queues }));
      },
    };
    const origin = { service: "worker", resource: { "process.pid": "pid of new" } };
    const clues = { part: "worker", output: "", collectorUrl: "http://127.0.0.1:4318" } as const;
    const facts = await awaitWorkerFacts(telemetry, origin, { ...clues, environment: {} });
    assert.deepEqual([looks, "concurrency" in facts && facts.concurrency], [3, 3]);
    const off = { ...clues, environment: { OTEL_METRICS_EXPORTER: "none", OTEL_METRIC_EXPORT_INTERVAL: "60000" } };
    assert.deepEqual(await awaitWorkerFacts(telemetry, origin, off), {
      notMeasured: "the worker runs with OTEL_METRICS_EXPORTER=none",
    });
    assert.equal(looks, 3);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
