import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { finish, type Ran } from "../../test/checkout.ts";
import { startProgram } from "../../test/program.ts";
import { startCollector } from "../collector/collector.ts";
import { readSpans } from "../otlp/read_spans.ts";
import type { Span } from "../otlp/types.ts";
import { waitFor } from "../wait_for.ts";

const app = JSON.stringify(join(import.meta.dirname, "..", "app"));

const loadedPackages = `
  const { default: Module } = await import("node:module");
  await import(${app} + "/api.ts");
  await import(${app} + "/worker.ts");
  const names = Object.keys(Module._cache).map((path) => path.split("node_modules/").at(-1).split("/").slice(0, 2).join("/"));
  console.log(JSON.stringify([...new Set(names)]));`;

test("startOtel() loads no telemetry package unless OTEL_ENABLED is true", async () => {
  const off = await finish(startProgram(loadedPackages, { OTEL_ENABLED: "1", PROFILING: "off" }, "node"));
  const on = await finish(startProgram(loadedPackages, { OTEL_ENABLED: "true", PROFILING: "off" }, "node"));
  const telemetryOf = ({ stdout, stderr }: Ran) => {
    const names: string[] = JSON.parse(stdout || `"${stderr}"`);
    assert.ok(
      names.some((name) => name.startsWith("express")),
      names.join(" "),
    );
    return names.filter((name) => /^@opentelemetry|^@pyroscope|^@datadog|pprof|import-in-the-middle/.test(name));
  };
  assert.deepEqual(telemetryOf(off), []);
  assert.ok(!telemetryOf(on).some((name) => name.includes("pprof")));
  const profiled = await finish(startProgram(loadedPackages, { PROFILING: "on" }, "node"));
  assert.ok(telemetryOf(profiled).includes("@datadog/pprof"), profiled.stderr);
  assert.ok(telemetryOf(on).includes("@opentelemetry/sdk-trace-node"), on.stderr);
});

const oneSpan = `
  const { trace } = await import("@opentelemetry/api");
  trace.getTracer("test").startSpan("last").end();
  console.log("span ended");`;

/** Hands requests on to `target` after `delayMs`. */
async function startSlowWay(target: string, delayMs: number) {
  const server = createServer((incoming, response) => {
    const { method, headers, url } = incoming;
    const handOn = () =>
      incoming.pipe(
        request(target + url, { method, headers }, (answer) => {
          answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
        }),
      );
    setTimeout(handOn, delayMs);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server that listens
  return { url: `http://127.0.0.1:${port}`, close: () => server.close().closeAllConnections() };
}

/** Runs a program against a real collector and returns what it left and the spans that arrived. */
async function exported(program: string, environment: Record<string, string> = {}, signal?: NodeJS.Signals) {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const collector = await startCollector({ folder, port: 0 });
  const slow = await startSlowWay(collector.url, 50);
  try {
    // So slow a batch processor sends nothing by itself within the test.
    const own = { OTEL_ENABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: slow.url, OTEL_BSP_SCHEDULE_DELAY: "600000" };
    const child = startProgram(program, { ...own, ...environment }, "node");
    let output = "";
    child.stdout?.on("data", (text) => {
      output += text;
    });
    const ran = finish(child);
    if (signal) {
      await waitFor(() => output.includes("span ended") || undefined, "the span");
      child.kill(signal);
    }
    const { stderr, code } = await ran;
    const spans: Span[] = [];
    for await (const span of readSpans([join(folder, "traces.jsonl")])) spans.push(span);
    return { spans, stderr, code, signal: child.signalCode };
  } finally {
    slow.close();
    await collector.close();
    rmSync(folder, { recursive: true });
  }
}

test("the last spans arrive when a process ends by itself", async () => {
  const { spans, code } = await exported(oneSpan);
  assert.deepEqual(
    spans.map(({ name, service }) => [name, service]),
    [["last", "test-service"]],
  );
  assert.equal(code, 0);
});

test("the last spans arrive on SIGTERM and SIGINT, which still end the process", async () => {
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    const { spans, signal } = await exported(`${oneSpan}; setInterval(() => {}, 1000);`, {}, name);
    assert.equal(spans.length, 1, name);
    assert.equal(signal, name);
  }
});

test("every span arrives on SIGTERM and after a crash while batches wait and are under way", async () => {
  const burst = (name: string) => `
    const { trace } = await import("@opentelemetry/api");
    for (let i = 0; i < 2_560; i++) trace.getTracer("test").startSpan("${name}" + i).end();
    console.log("span ended"); setInterval(() => {}, 1_000);`;
  const small = {
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "256",
    OTEL_BSP_MAX_QUEUE_SIZE: "4096",
    OTEL_METRICS_EXPORTER: "none",
  };
  const crash = `setTimeout(() => { throw new Error("boom") }, 75);`; // the first batch has arrived, the second is under way
  for (const protocol of ["http/protobuf", "http/json"]) {
    const environment = { ...small, OTEL_EXPORTER_OTLP_PROTOCOL: protocol };
    for (const [end, signal] of [
      ["", "SIGTERM"],
      [crash, undefined],
    ] as const) {
      const { spans } = await exported(burst("span ") + end, environment, signal);
      assert.equal(new Set(spans.map(({ name }) => name)).size, 2_560, `${protocol} ${signal}`);
      if (signal) assert.equal(spans.length, 2_560);
    }
  }
});

test("the last spans arrive before a crash ends the process", async () => {
  for (const crash of [
    "setTimeout(() => { throw new Error('boom') });",
    "setTimeout(() => Promise.reject(new Error('boom')));",
  ]) {
    const { spans, code, stderr } = await exported(`${oneSpan} ${crash} setInterval(() => {}, 1000);`);
    assert.equal(spans.length, 1);
    assert.equal(code, 1);
    assert.match(stderr, /Error: boom\n\s+at /);
  }
});

test("the variables of the specification work: sampler, resource, service name", async () => {
  const off = await exported(oneSpan, { OTEL_TRACES_SAMPLER: "always_off" });
  assert.deepEqual(off.spans, []);
  const { spans } = await exported(oneSpan, {
    OTEL_SERVICE_NAME: "theirs",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=loses",
  });
  assert.equal(spans[0]?.service, "theirs");
  assert.equal(spans[0]?.resource["deployment.environment.name"], "test");
});

test("a collector that is away costs the process neither its end nor a flood of lines", async () => {
  const { stderr, code } = await exported(oneSpan, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9/v1/traces" });
  assert.equal(code, 0);
  assert.ok(stderr.split("\n").length <= 3, stderr);
});
