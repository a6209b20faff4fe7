import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import * as names from "../src/telemetry/names.ts";
import { finish } from "./checkout.ts";
import { makePackageFolder } from "./package_folder.ts";
import { runProfiled, samplesOf } from "./profiled_program.ts";
import { startTestRedis } from "./store.ts";

/** A CommonJS application of Express 4 and BullMQ 5, API and worker in one process. It begins with the one line that is ours. */
const APPLICATION = `
require("./telemetry.cjs").start({ serviceName: "shop" });
const express = require("express");
const { Queue, Worker } = require("bullmq");
const connection = { url: process.env.REDIS_URL };
const queue = new Queue("orders", { connection });
function burn(until) { while (process.cpuUsage().user < until); }
const worker = new Worker("orders", () => burn(process.cpuUsage().user + 200_000), { connection });
const app = express();
app.post("/orders/:id", (request, response, next) =>
  queue.add("order", {}, { jobId: request.params.id }).then((job) => response.status(202).send(job.id), next));
worker.on("completed", () => console.log("busy")); // that it was
const server = app.listen(0, "127.0.0.1", () =>
  fetch("http://127.0.0.1:" + server.address().port + "/orders/o1", { method: "POST" }).then((response) => console.log(response.status)));
`;

/** In a folder with its packages and the built telemetry. */
async function makeApplication(source: string): Promise<string> {
  const folder = makePackageFolder({ bullmq: "bullmq5", express: "express4" });
  await execa("npm", ["run", "-s", "build:telemetry", "--", `--outfile=${join(folder, "telemetry.cjs")}`], {
    cwd: ROOT,
  });
  writeFileSync(join(folder, "application.cjs"), source);
  return folder;
}

const start = (folder: string, env: Record<string, string>) =>
  spawn(process.execPath, ["application.cjs"], { cwd: folder, env: { PATH: process.env.PATH ?? "", ...env } });

test("a CommonJS application with one line of ours gives one trace, with the parts of the job, and profiles", {
  skip: currentRuntime === "deno" && "the built file is for Node",
}, async (t) => {
  const redis = await startTestRedis();
  if (!redis) return t.skip("no redis-server is installed");
  const folder = await makeApplication(APPLICATION);
  try {
    const ran = await runProfiled((env) => start(folder, { ...env, REDIS_URL: redis.url }), {}, { signal: "SIGTERM" });
    assert.match(ran.stdout, /^202$/m, ran.stderr);
    const of = (kind: number) => ran.spans.filter((span) => span.kind === kind);
    const [server] = of(2);
    const [producer] = of(4);
    const [consumer] = of(5);
    assert.deepEqual([of(2).length, of(4).length, of(5).length], [1, 1, 1], ran.stderr);
    assert.ok(ran.spans.every(({ service }) => service === "shop"));
    assert.equal(server?.attributes["http.route"], "/orders/:id");
    // Express has a span between the two.
    assert.equal(producer?.traceId, server?.traceId);
    assert.deepEqual([consumer?.traceId, consumer?.parentSpanId], [producer?.traceId, producer?.spanId]);
    assert.equal(consumer?.attributes[names.JOB_FINAL], true);
    assert.ok(Number(consumer?.attributes[names.JOB_CPU_MS]) > 100, "the ledger");
    assert.equal(consumer?.resource[names.PROCESS_COMMAND], join(folder, "application.cjs"));
    const samples = samplesOf(ran.profiles, "burn");
    assert.ok(samples.length >= 3 && samples.every(({ labels }) => labels.job === "order"));
    const files = new Set(samples.flatMap(({ stack }) => stack.map(({ file }) => file)));
    assert.ok(files.has(join(folder, "application.cjs")) && files.has(`prodlike:${join(folder, "telemetry.cjs")}`));
  } finally {
    redis.child.kill();
    rmSync(folder, { recursive: true });
  }
});

test("start() loads no telemetry package when it is off", {
  skip: currentRuntime === "deno" && "the built file is for Node",
}, async () => {
  const folder = await makeApplication(`
    require("./telemetry.cjs").start({ serviceName: "shop" });
    const loaded = Object.keys(require.cache).filter((path) => /@opentelemetry|in-the-middle|pprof/.test(path));
    console.log(loaded.length);`);
  try {
    const counts = [];
    for (const OTEL_ENABLED of ["false", "true"]) {
      const { stdout } = await finish(start(folder, { OTEL_ENABLED, OTEL_METRICS_EXPORTER: "none" }));
      counts.push(Number(stdout) > 0);
    }
    assert.deepEqual(counts, [false, true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("start() may be called without a name, more than once, and with telemetry off", {
  skip: currentRuntime === "deno" && "the built file is for Node",
}, async () => {
  const folder = await makeApplication(`
    const { start } = require("./telemetry.cjs");
    start(process.env.FIRST && JSON.parse(process.env.FIRST));
    start({ serviceName: "second" });
    console.log("OTEL_SERVICE_NAME" in process.env ? process.env.OTEL_SERVICE_NAME : "none", process.listenerCount("SIGTERM"));
    process.exit(0);`);
  try {
    const said = async (env: Record<string, string>) => {
      const { code, stdout, stderr } = await finish(
        start(folder, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9", ...env }),
      );
      assert.equal(code, 0, stderr);
      return stdout.trim();
    };
    assert.equal(await said({}), "none 0");
    assert.equal(await said({ OTEL_ENABLED: "true" }), "none 1");
    assert.equal(await said({ OTEL_ENABLED: "true", FIRST: "{}" }), "none 1");
    assert.equal(await said({ OTEL_ENABLED: "true", FIRST: '{"serviceName":"first"}' }), "first 1");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
