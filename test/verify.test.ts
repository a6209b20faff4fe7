import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { readSpans } from "../src/otlp/read_spans.ts";
import { SpanKind, StatusCode } from "../src/otlp/types.ts";
import type { SpanCounts } from "../src/recording/span_counts.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import type { Verification } from "../src/verify/verify.ts";
import { waitFor } from "../src/wait_for.ts";
import { breaks, failure, failures, json } from "./breaks.ts";
import { makeCheckout, nothingIsLeft } from "./checkout.ts";
import { startProgram } from "./program.ts";
import { startTestRedis } from "./store.ts";

const counts = ({ spanAccounting }: Verification, service: string): SpanCounts => {
  const found = spanAccounting[service];
  assert.ok(found && "created" in found, JSON.stringify(spanAccounting));
  return found;
};

test("make verify proves one job from nothing and leaves nothing behind but its run", async () => {
  const checkout = await makeCheckout();
  try {
    const make = await execa("make", ["-s", "verify", "JSON=1"], {
      cwd: checkout.folder,
      env: checkout.environment,
      reject: false,
    });
    assert.equal(make.exitCode, 0, make.stderr);
    const result: Verification = JSON.parse(make.stdout);
    assert.equal(result.outcome, "proved");
    assert.deepEqual(failures(result), []);
    assert.deepEqual(result.services.sort(), ["prodlike-api", "prodlike-worker"]);
    assert.match(result.traceId ?? "", /^[0-9a-f]{32}$/);
    assert.deepEqual(readdirSync(result.run!).sort(), ["collector.log", "metrics.jsonl", "run.json", "traces.jsonl"]);
    const run = JSON.parse(readFileSync(join(result.run!, "run.json"), "utf8"));
    assert.equal(run.load.job.state, "completed");
    assert.deepEqual(result.warnings, []);
    assert.doesNotMatch(make.stderr, /spans lost|span accounting/);
    assert.deepEqual(run.spanAccounting, result.spanAccounting);
    for (const service of result.services) assert.ok(counts(result, service).created > 0, service);
    for (const stage of ["review.diff", "review.lint", "review.summary"]) assert.match(make.stderr, new RegExp(stage));
    // Pino's lines carry the ids of the trace, in both services.
    for (const name of ["api", "worker"]) {
      const log = readFileSync(join(checkout.folder, `.prodlike/stack/${name}.log`), "utf8");
      assert.match(log, new RegExp(`"trace_id":"${result.traceId}","span_id":"[0-9a-f]{16}"`), name);
    }
    await nothingIsLeft(checkout);
    assert.equal(existsSync(join(checkout.folder, ".prodlike/stack/postgres.json")), false);
  } finally {
    await checkout.close();
  }
});

test("verify disproves what is broken, with the right reason and exit code 1", async () => {
  const checkout = await makeCheckout();
  try {
    for (const { what, environment, seen, warned } of breaks) {
      const ran = await checkout.run("verify", { ...environment, JSON: "1" });
      assert.equal(ran.code, 1, `${what}: ${ran.stderr}`);
      const result = json(ran);
      assert.equal(result.outcome, "disproved");
      if (what === "the job fails") assert.equal(failures(result).length, 1); // its span says ERROR, as it should
      for (const [name, reason] of Object.entries(seen)) assert.match(failure(result, name).detail, reason, what);
      const warnings = result.warnings.map(({ name, detail }) => `${name} ${detail}`);
      assert.equal(warnings.length, warned ? 1 : 0, `${what}: ${warnings}`);
      if (warned) assert.match(warnings[0]!, warned);
      assert.ok(existsSync(result.run!));
    }
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
  }
});

test("verify says that the worker cannot start, and exits with 2", async () => {
  const checkout = await makeCheckout();
  try {
    const ran = await checkout.run("verify", { WORKER_ENV: "QUEUE_URL=mysql://127.0.0.1/", JSON: "1" });
    assert.equal(ran.code, 2, ran.stderr);
    const { outcome, error } = JSON.parse(ran.stdout);
    assert.equal(outcome, "could not try");
    assert.match(error, /^Cannot start the worker: it ended with exit code 2: .*QUEUE_URL/);
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
  }
});

test("a worker that is killed stays dead, verify names it, otel-up starts it and nothing else", async () => {
  const checkout = await makeCheckout();
  try {
    assert.equal((await checkout.run("otel_up")).code, 0);
    const before = checkout.state()!;
    assert.match((await checkout.run("otel_up")).stdout, /nothing was changed/);
    assert.deepEqual(checkout.state(), before);

    process.kill(before.parts.worker!.pid, "SIGKILL");
    await waitFor(() => checkout.state()?.parts.worker?.exit ?? undefined, "the worker's end in the state file");
    const ran = await checkout.run("verify", { JSON: "1" });
    assert.equal(ran.code, 1);
    const [check] = failures(json(ran));
    assert.deepEqual(
      [check!.name, check!.detail, check!.next],
      ["worker runs", "it ended with SIGKILL", "make otel-up"],
    );

    const again = await checkout.run("otel_up", { JSON: "1" });
    assert.deepEqual(JSON.parse(again.stdout).started, ["worker"]);
    assert.match(again.stderr, /worker had ended with SIGKILL/);
    assert.equal(checkout.state()?.parts.api?.pid, before.parts.api?.pid);
    assert.equal((await checkout.run("verify")).code, 0);

    process.kill(checkout.state()!.parts.worker!.pid, "SIGKILL");
    assert.equal((await checkout.run("otel_down")).code, 0);
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
  }
});

test("otel-down ends everything also when the supervisor or every part was killed", async () => {
  const checkout = await makeCheckout();
  try {
    assert.equal((await checkout.run("otel_up")).code, 0);
    const { supervisor, parts } = checkout.state()!;
    process.kill(supervisor.pid, "SIGKILL");
    process.kill(parts.postgres!.pid, "SIGKILL");
    // A new supervisor takes over what runs.
    const up = await checkout.run("otel_up", { JSON: "1" });
    assert.equal(up.code, 0, up.stderr);
    assert.deepEqual(JSON.parse(up.stdout).started, ["postgres"]);
    assert.equal(checkout.state()?.parts.api?.pid, parts.api?.pid);
    assert.equal((await checkout.run("verify")).code, 0);

    process.kill(checkout.state()!.supervisor.pid, "SIGKILL");
    assert.equal((await checkout.run("otel_down")).code, 0);
    await nothingIsLeft(checkout);

    assert.equal((await checkout.run("otel_up")).code, 0);
    await checkout.killAll();
    assert.equal((await checkout.run("otel_down")).code, 0);
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
  }
});

test("verify holds under other service names, and disproves when a line of the log is missing", async () => {
  const checkout = await makeCheckout();
  const names = { API_SERVICE: "kodus-api", WORKER_SERVICE: "kodus-worker" };
  try {
    assert.equal((await checkout.run("otel_up", names)).code, 0);
    const proved = json(await checkout.run("verify", { ...names, JSON: "1" }));
    assert.equal(proved.outcome, "proved");
    assert.deepEqual(proved.services.sort(), ["kodus-api", "kodus-worker"]);

    // The collector goes on writing to the file that was moved away; what verify greps names the API alone.
    const log = join(checkout.folder, ".prodlike", "stack", "collector.log");
    await execa("mv", [log, `${log}.moved`]);
    appendFileSync(log, "Traces\nResourceTraces #0 service.name=kodus-api\n");
    const ran = await checkout.run("verify", { ...names, JSON: "1" });
    assert.equal(ran.code, 1);
    assert.match(failure(json(ran), "witnesses agree").detail, /kodus-worker is in traces.jsonl, not in collector.log/);
    failure(json(ran), "kodus-worker in the log");
  } finally {
    await checkout.close();
  }
});

test("spans that are lost elsewhere are a warning: verify proves its own job", async () => {
  const checkout = await makeCheckout();
  let other: ChildProcess | undefined;
  try {
    assert.equal((await checkout.run("otel_up")).code, 0);
    // Another process of the worker's service, which drops 98 spans: one is sent at once, one waits for that.
    const program = `
      const { trace } = await import("@opentelemetry/api");
      for (let i = 0; i < 100; i++) trace.getTracer("test").startSpan("work").end();
      setInterval(() => {}, 1_000);`;
    const environment = {
      ...{ OTEL_ENABLED: "true", OTEL_SERVICE_NAME: "prodlike-worker", OTEL_METRIC_EXPORT_INTERVAL: "200" },
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${checkout.environment.OTLP_PORT}`,
      OTEL_BSP_MAX_QUEUE_SIZE: "1",
    };
    other = startProgram(program, environment, currentRuntime);
    const metrics = join(checkout.folder, ".prodlike/stack/metrics.jsonl");
    const dropped = () => (existsSync(metrics) && readFileSync(metrics, "utf8").includes("queue_full")) || undefined;
    await waitFor(dropped, "the counts of the other process");
    const ran = await checkout.run("verify", { JSON: "1" });
    assert.equal(ran.code, 0, ran.stderr);
    const result = json(ran);
    assert.equal(counts(result, "prodlike-worker").processes, 2);
    assert.deepEqual(
      result.warnings.map(({ name, detail }) => [name, detail]),
      [["spans lost", `prodlike-worker 98 of ${counts(result, "prodlike-worker").created}: queue full 98`]],
    );
    assert.match(
      ran.stderr,
      /! spans lost +prodlike-worker 98 of \d+: queue full 98\n +next: raise OTEL_BSP_MAX_QUEUE_SIZE/,
    );
  } finally {
    other?.kill("SIGKILL");
    await checkout.close();
  }
});

test("a repository that vanishes between request and job fails the job with the reason, and its span", async () => {
  const checkout = await makeCheckout();
  const repository = join(checkout.folder, "vanishing");
  try {
    assert.equal((await checkout.run("otel_up")).code, 0);
    await execa("git", ["clone", "--quiet", "--depth=1", `file://${checkout.folder}`, repository]);
    const worker = checkout.state()!.parts.worker!.pid;
    process.kill(worker, "SIGSTOP"); // the job waits until the repository is gone
    const reviews = `http://127.0.0.1:${checkout.environment.API_PORT}/reviews`;
    const body = JSON.stringify({ repository: "vanishing" });
    const headers = { "content-type": "application/json" };
    const accepted = await fetch(reviews, { method: "POST", headers, body });
    assert.equal(accepted.status, 202);
    rmSync(repository, { recursive: true });
    process.kill(worker, "SIGCONT");

    const { id } = (await accepted.json()) as { id: string };
    const look = async () => {
      const review = (await (await fetch(`${reviews}/${id}`)).json()) as { state: string; error?: string };
      return review.state === "failed" ? review : undefined;
    };
    const { error } = await waitFor(look, "the failed review", { timeoutMs: 20_000 });
    assert.match(error!, /vanishing/);
    const jobSpan = async () => {
      for await (const span of readSpans([join(checkout.folder, ".prodlike/stack/traces.jsonl")])) {
        if (span.kind === SpanKind.CONSUMER && span.attributes["messaging.message.id"] === id) return span;
      }
      return undefined;
    };
    const { status, attributes, events } = await waitFor(jobSpan, "the job span");
    assert.deepEqual(status, { code: StatusCode.ERROR, message: error });
    assert.equal(attributes["error.type"], "UserError");
    assert.equal(events.filter(({ name }) => name === "exception").length, 1);
  } finally {
    await checkout.close();
  }
});

test("ONLY=collector takes spans of any application, otel-restart empties its files", async () => {
  const checkout = await makeCheckout();
  try {
    const up = await checkout.run("otel_up", { ONLY: "collector" });
    assert.equal(up.code, 0, up.stderr);
    const [, endpoint] = /OTEL_EXPORTER_OTLP_ENDPOINT=(\S+)/.exec(up.stdout)!;
    assert.deepEqual(Object.keys(checkout.state()!.parts), ["collector"]);
    const resource = { attributes: [{ key: "service.name", value: { stringValue: "theirs" } }] };
    const span = { traceId: "0".repeat(31) + 1, spanId: "0".repeat(15) + 1, name: "x" };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] });
    const headers = { "content-type": "application/json" };
    assert.equal((await fetch(`${endpoint}/v1/traces`, { method: "POST", headers, body })).status, 200);
    const [, grep] = /services arrive: +(.*)/.exec(up.stdout)!;
    assert.match((await execa("sh", ["-c", grep!], { cwd: checkout.folder })).stdout, /1 service\.name=theirs/);

    assert.equal((await checkout.run("otel_restart")).code, 0);
    assert.equal(readFileSync(join(checkout.folder, ".prodlike/stack/collector.log"), "utf8"), "");
    const incomplete = json(await checkout.run("verify", { JSON: "1" }));
    assert.deepEqual(
      failures(incomplete).map(({ name }) => name),
      ["api runs", "worker runs", "postgres runs"],
    );
  } finally {
    await checkout.close();
  }
});

test("verify holds with Redis as the queue store", async (t) => {
  const redis = await startTestRedis();
  if (!redis) {
    t.skip("SKIPPED: there is no redis-server on this machine");
    return;
  }
  const checkout = await makeCheckout();
  try {
    const ran = await checkout.run("verify", { QUEUE_URL: redis.url, JSON: "1" });
    assert.equal(ran.code, 0, ran.stderr);
    assert.doesNotMatch(ran.stderr, /postgres/);
    assert.equal(JSON.parse(readFileSync(join(json(ran).run!, "run.json"), "utf8")).store, "redis");
    await nothingIsLeft(checkout);
  } finally {
    redis.child.kill();
    await checkout.close();
  }
});
