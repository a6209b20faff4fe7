import assert from "node:assert/strict";
import { test } from "node:test";
import { execa } from "execa";
import { recordLoad } from "../src/load/record.ts";
import { analyzeRun } from "../src/report_run.ts";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import { readSettings } from "../src/settings/settings.ts";
import { readRun } from "../src/sources/open_run.ts";
import { openStack } from "../src/stack/open_stack.ts";
import type { Wanted } from "../src/stack/wanted.ts";
import { verify } from "../src/verify/verify.ts";
import { type Checkout, makeCheckout, nothingIsLeft } from "./checkout.ts";
import { layDownExports } from "./exports_application.ts";
import { startTestRedis } from "./store.ts";

/** A bundle for CommonJS is for Node. */
const skip = currentRuntime === "node" ? false : "the bundle of telemetry is for Node";

const progress = { signal: new AbortController().signal, say: () => {}, onEvent: () => {} };

/** With a stack of the second application: CommonJS, Express 4, BullMQ 5, and nothing in it that knows of this project but one line. */
async function withExports(work: (wanted: Wanted, checkout: Checkout) => Promise<void>): Promise<void> {
  await execa("npm", ["run", "--silent", "build:telemetry"], { cwd: ROOT });
  const redis = await startTestRedis();
  assert.ok(redis, "redis-server is needed");
  const checkout = await makeCheckout();
  const { application, remove } = await layDownExports(redis.url);
  const { stack } = readSettings({ PATH: process.env.PATH ?? "", ...checkout.environment }, checkout.folder);
  const wanted: Wanted = { ...stack, application };
  try {
    await work(wanted, checkout);
    await openStack(wanted).down(progress);
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
    redis.child.kill("SIGKILL");
    remove();
  }
}

test("another application goes through verify, worker-prodlike and bottlenecks", { skip }, () =>
  withExports(async (wanted) => {
    const stack = openStack(wanted);
    assert.deepEqual(stack.parts, ["api", "worker", "collector"]);
    await stack.up(progress);
    assert.deepEqual(await stack.up(progress), []); // what runs is left as it is

    const { result, spans } = await verify(wanted, stack, progress);
    assert.equal(result.outcome, "proved", result.summary);
    assert.deepEqual(result.services.sort(), ["exports-api", "exports-worker"]);
    assert.ok(spans.some(({ attributes }) => attributes["messaging.destination.name"] === "exports"));

    const limits = await stack.limitWorker(progress);
    const row = (name: string) => limits.find(({ limit }) => limit === name);
    assert.match(row("heap")?.enforced ?? "", /^heap_size_limit 11456 MB$/);
    assert.deepEqual([row("command")?.asked, row("command")?.enforced], ["main.js", "main.js"]);

    const load = { ...readSettings({ JOBS: "24", WARMUP: "3" }).load };
    const recorded = await recordLoad(wanted, load, progress);
    const run = readRun(recorded.run);
    const { concurrency, lockDurationMs, lockRenewMs } = Object(run.description.worker);
    assert.deepEqual([concurrency, lockDurationMs, lockRenewMs], [3, 20_000, 10_000]);
    const { report } = await analyzeRun(run, wanted.root);
    assert.deepEqual(
      report.jobs.map(({ name, count }) => [name, count]),
      [["csv", 24]],
    );
    assert.equal(report.outcome, "passed", report.reasons.join("; "));
  }),
);
