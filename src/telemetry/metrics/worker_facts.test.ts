import assert from "node:assert/strict";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { Redis } from "ioredis";
import { consumersOf, testWith } from "../../../test/job_spans.ts";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";
import { waitFor } from "../../wait_for.ts";
import * as names from "../names.ts";

/** A meter, and the values of a metric at the moment, by queue. */
function openMeter() {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const provider = new MeterProvider({ readers: [reader] });
  return {
    meter: provider.getMeter("test"),
    close: () => provider.shutdown(),
    async read(metric: string): Promise<Record<string, unknown>> {
      exporter.reset();
      await provider.forceFlush();
      const metrics = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((each) => each.metrics));
      const points = metrics.find(({ descriptor }) => descriptor.name === metric)?.dataPoints ?? [];
      return Object.fromEntries(
        points.map(({ attributes, value }) => [attributes[names.MESSAGING_DESTINATION_NAME], value]),
      );
    },
  };
}

testWith(LIBRARIES, "the lock of a running job that its worker cannot renew is counted, once", async (library) => {
  const { meter, read, close } = openMeter();
  let end!: () => void;
  const held = new Promise<void>((resolve) => {
    end = resolve;
  });
  const spans = await runJobs(
    async ({ queue, worker, url, ended }) => {
      await queue.add("ends", {}, { jobId: "j1" });
      await ended("j1");
      worker.emit("lockRenewalFailed", ["j1"]); // as of one that ends while its renewal is under way
      assert.deepEqual(await read(names.WORKER_LOCKS_LOST), { work: 0 });
      await queue.add("holds", {}, { jobId: "j2" });
      const redis = new Redis(url);
      await waitFor(async () => (await redis.del("bull:work:j2:lock")) || undefined, "the lock of the job");
      redis.disconnect();
      const lost = async () => (await read(names.WORKER_LOCKS_LOST)).work || undefined;
      try {
        assert.equal(await waitFor(lost, "the loss"), 1);
        await new Promise((resolve) => worker.once("lockRenewalFailed", resolve)); // it goes on to try
        assert.equal(await lost(), 1);
      } finally {
        end(); // what the store does not take any more
      }
    },
    {
      library,
      meter,
      lockRenewTime: 20,
      lockDuration: 10_000,
      processor: async (job) => (job.name === "holds" ? held : undefined),
    },
  );
  await close();
  const [ends, holds] = [...consumersOf(spans, "j1"), ...consumersOf(spans, "j2")];
  assert.equal(ends?.attributes[names.JOB_LOCK_LOST], undefined);
  assert.equal(holds?.attributes[names.JOB_LOCK_LOST], true);
  assert.equal(holds?.attributes[names.JOB_FINAL], undefined); // nobody has taken it yet
});

testWith(LIBRARIES, "several workers of a queue are one series, without those that are closed", async (library) => {
  const { meter, read, close } = openMeter();
  await runJobs(
    async ({ worker, url }) => {
      const more = {
        connection: { url },
        concurrency: 3,
        lockDuration: 5_000,
        lockRenewTime: 0,
        skipLockRenewal: true,
      };
      const others = ["work", "else"].map((queue) => new library.bullmq.Worker(queue, async () => {}, more));
      await waitFor(async () => (await read(names.WORKER_READY)).else || undefined, "the last worker");
      assert.deepEqual(await read(names.WORKER_CONCURRENCY), { work: 5, else: 3 });
      assert.deepEqual(await read(names.WORKER_LOCK_DURATION), { work: 5, else: 5 });
      assert.deepEqual(Object.keys(await read(names.WORKER_LOCK_RENEW_TIME)), ["work"]);
      assert.deepEqual(await read(names.WORKER_LOCKS_LOST), { work: 0 });
      others[0]!.removeAllListeners(); // as an application may
      for (const other of others) await other.close();
      assert.deepEqual(await read(names.WORKER_CONCURRENCY), { work: 2, else: 0 });
      assert.deepEqual(await read(names.WORKER_READY), { work: 1, else: 0 });
      // Where nothing is observed the SDK repeats what was said last.
      assert.deepEqual(await read(names.WORKER_LOCK_DURATION), { work: 30, else: 5 });
      worker.concurrency = 4;
      assert.deepEqual(await read(names.WORKER_CONCURRENCY), { work: 4, else: 0 });
    },
    { library, meter, concurrency: 2 },
  );
  await close();
});

testWith(LIBRARIES, "what an application emits as an error does not throw because of us", async (library) => {
  const errors: unknown[] = [];
  await runJobs(
    async ({ worker }) => {
      worker.on("error", (error) => errors.push(error));
      const all: unknown[] = [undefined, null, "text", Object.create(null)];
      for (const error of all) worker.emit("error", error as Error);
      worker.emit("lockRenewalFailed", undefined as unknown as string[]);
      assert.deepEqual(errors, all);
    },
    { library, lockRenewTime: 2 ** 30 },
  );
});
