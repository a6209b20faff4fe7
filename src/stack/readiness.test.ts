import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ExampleWorker, workerLine } from "../../test/example_worker_facts.ts";
import { isReadyBy } from "./readiness.ts";

const clues = { part: "worker", environment: {}, output: "", collectorUrl: "http://127.0.0.1:4318" } as const;

test("isReadyBy() knows the telemetry of the start by its id, whatever process sends it, and says why it is not ready", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const metrics = join(folder, "metrics.jsonl");
    const isReady = isReadyBy("telemetry", { metrics, clues });
    const look = () => isReady({ pid: 1, partId: "new" }).catch(({ message }) => message);
    const send = (partId: string, worker: Omit<ExampleWorker, "instance" | "second">) =>
      appendFileSync(metrics, workerLine({ instance: `of ${partId}`, second: 1, partId, ...worker }));
    const queues = { mails: { concurrency: 1 } };

    assert.equal(await look(), "no metrics have arrived");
    send("before", { queues });
    assert.equal(await look(), "no metrics have arrived");
    send("new", { queues: {} });
    assert.equal(await look(), "no BullMQ worker is seen in its metrics");
    send("new", { queues: { ...queues, reports: { concurrency: 1 } }, isReady: false });
    assert.equal(await look(), 'its worker of the queue "mails" is not ready');
    send("new", { queues });
    assert.equal(await look(), 'its worker of the queue "reports" is not ready');
    send("new", { queues: { reports: { concurrency: 1 } } });
    assert.equal(await look(), true);

    const environment = { OTEL_METRICS_EXPORTER: "none" };
    const never = isReadyBy("telemetry", { metrics, clues: { ...clues, environment } });
    await assert.rejects(never({ pid: 1, partId: "newer" }), {
      message: "the worker runs with OTEL_METRICS_EXPORTER=none",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
