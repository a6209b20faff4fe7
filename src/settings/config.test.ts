import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { loadConfig, ROOT, readEnvironment } from "./config.ts";
import { SETTINGS } from "./table.ts";

test("loadConfig() has a default for everything", () => {
  const config = loadConfig({}, "/checkout");
  assert.equal(config.apiPort, 3001);
  assert.equal(config.healthUrl, "http://127.0.0.1:3001/health");
  assert.deepEqual(config.jobRequest, { method: "POST", url: "http://127.0.0.1:3001/reviews", body: "{}" });
  assert.equal(config.reviewRoot, "/checkout");
  assert.equal(config.queueUrl, undefined);
});

test("loadConfig() names the variable, its value and what is wanted", () => {
  const refusals: [Record<string, string>, RegExp][] = [
    [{ STACK: "swarm" }, /^Cannot use STACK="swarm": allowed values are local, compose$/],
    [{ RUNTIME: "bun" }, /^Cannot use RUNTIME="bun": allowed /],
    [{ PROFILING: "yes" }, /^Cannot use PROFILING="yes": allowed /],
    [{ API_PORT: "0" }, /^Cannot use API_PORT="0": a whole number from 1 to 65535 is wanted$/],
    [{ API_PORT: "3e3" }, /API_PORT="3e3"/],
    [{ API_PORT: "4318" }, /OTLP_PORT is the same/],
    [{ WORKER_SERVICE: "a b" }, /WORKER_SERVICE="a b": letters/],
    [{ WORKER_SERVICE: "prodlike-api" }, /API_SERVICE is the same/],
    [{ WORKER_ENV: "A=1 B" }, /WORKER_ENV: KEY=value pairs/],
    [{ JOB_REQUEST: "POST http://127.0.0.1/x {" }, /its body is not JSON/],
    [{ JOB_REQUEST: "http://127.0.0.1/x" }, /METHOD URL JSON is wanted/],
    [{ HEALTH_URL: "file:///etc/passwd" }, /HEALTH_URL="file/],
  ];
  for (const [environment, message] of refusals) {
    assert.throws(() => loadConfig(environment), { name: "UserError", message });
  }
});

test("loadConfig() does not repeat a refused QUEUE_URL, which may hold a password", () => {
  assert.throws(
    () => loadConfig({ QUEUE_URL: "mysql://root:secret@db/" }),
    (error: Error) => !error.message.includes("secret"),
  );
});

test("loadConfig() reads KEY=value pairs with quotes", () => {
  const { workerEnv } = loadConfig({ WORKER_ENV: `A=1  B="two words" C='x=y' D=` });
  assert.deepEqual(workerEnv, { A: "1", B: "two words", C: "x=y", D: "" });
});

test("readEnvironment() lets the environment win over .env, and takes no arguments from it", () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    writeFileSync(join(root, ".env"), "PRODLIKE_TEST_A=file\nHOME=file\nJSON=1\nAPI_PORT=\n");
    const environment = readEnvironment(root);
    assert.equal(environment.PRODLIKE_TEST_A, "file");
    assert.equal(environment.HOME, process.env.HOME);
    assert.equal(environment.JSON, process.env.JSON);
    assert.equal("API_PORT" in environment, "API_PORT" in process.env);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test(".env.example holds every setting with its default and its meaning", () => {
  const example = readFileSync(join(ROOT, ".env.example"), "utf8");
  assert.deepEqual(
    { ...parseEnv(example) },
    Object.fromEntries(SETTINGS.filter((each) => each.default).map((each) => [each.name, each.default])),
  );
  for (const { name, default: value, help, allowed } of SETTINGS) {
    const choice = allowed ? ` (${allowed.join(" | ")})` : "";
    assert.ok(
      example.includes(`# ${help}${choice}\n${value ? "" : "# "}${name}=${value}\n`),
      `${name} is missing or differs`,
    );
  }
});
