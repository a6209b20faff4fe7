import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { finish } from "../../../test/checkout.ts";
import { makePackageFolder } from "../../../test/package_folder.ts";
import { startProgram } from "../../../test/program.ts";
import { LIBRARIES } from "../../../test/run_jobs.ts";
import { startTestRedis } from "../../../test/store.ts";
import { startCollector } from "../../collector/collector.ts";
import { readSpans } from "../../otlp/read_spans.ts";
import { currentRuntime } from "../../settings/runtime.ts";

/** How a module that lies beside the packages loads BullMQ. */
const LOADS = {
  import: 'export { Queue, Worker } from "bullmq";',
  require: 'module.exports = { Queue: require("bullmq").Queue, Worker: require("bullmq").Worker };',
};

/** One job, after telemetry has begun. */
const program = (module: string, url: string) => `
  const { default: all, Queue = all.Queue, Worker = all.Worker } = await import(${JSON.stringify(module)});
  const connection = { url: ${JSON.stringify(url)} };
  const queue = new Queue("work", { connection });
  const worker = new Worker("work", async () => {}, { connection });
  await Promise.all([new Promise((done) => worker.on("completed", done)), queue.add("job", {})]);
  await worker.close();
  await queue.close();`;

for (const { name, skip } of LIBRARIES) {
  for (const [how, source] of Object.entries(LOADS)) {
    test(`${name} is observed that an application loads by ${how}`, { skip: skip ?? false }, async () => {
      const folder = makePackageFolder(name === "BullMQ 5" ? { bullmq: "bullmq5" } : {});
      const received = mkdtempSync(join(tmpdir(), "prodlike-test-"));
      const redis = await startTestRedis();
      const collector = await startCollector({ folder: received, port: 0 });
      try {
        const module = join(folder, how === "import" ? "queues.mjs" : "queues.cjs");
        writeFileSync(module, source);
        const child = startProgram(
          program(module, redis!.url), // there is one, or the test is skipped
          { OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
          currentRuntime,
        );
        const { code, stderr } = await finish(child);
        assert.equal(code, 0, stderr);
        const spans = [];
        for await (const span of readSpans([join(received, "traces.jsonl")])) spans.push(span);
        assert.deepEqual(spans.map(({ name }) => name).sort(), ["add work.job", "process work"], stderr);
        assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
      } finally {
        redis?.child.kill();
        await collector.close();
        for (const path of [folder, received]) rmSync(path, { recursive: true });
      }
    });
  }
}
