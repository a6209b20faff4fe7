import assert from "node:assert/strict";
import { test } from "node:test";
import { metrics, trace } from "@opentelemetry/api";
import type { Job } from "bullmq";
import { createInstrumentation } from "./instrumentation.ts";

const { observeJob } = createInstrumentation(trace.getTracer("test"), {
  meter: metrics.getMeter("test"),
  ledger: undefined,
});
const job = { id: "1", name: "test", opts: {} } as Job; // what it reads of one

test("observeJob() takes a processor of JavaScript that returns no promise, or throws before it returns one", async () => {
  const plain = (() => "result") as unknown as () => Promise<string>;
  assert.equal(await observeJob(job, plain), "result");
  const failed = observeJob(job, () => {
    throw new Error("at once");
  });
  await assert.rejects(failed, /at once/);
});
