import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { SAMPLE_SETTINGS } from "../app/settings.ts";
import { ROOT, readEnvironment } from "./environment.ts";
import { readSettings } from "./settings.ts";
import { SETTINGS } from "./table.ts";

test("readSettings() has a default for everything", () => {
  const { stack, services } = readSettings({}, "/checkout");
  assert.deepEqual([stack.home, stack.kind, stack.queueUrl], ["/checkout/.prodlike", "local", undefined]);
  assert.deepEqual([services.apiPort, services.healthUrl, services.jobRequests], [3_001, undefined, []]);
});

test("readSettings() names the variable, its value and what is wanted", () => {
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
    assert.throws(() => readSettings(environment), { name: "UserError", message });
  }
});

test("readSettings() does not repeat a refused QUEUE_URL, which may hold a password", () => {
  assert.throws(
    () => readSettings({ QUEUE_URL: "mysql://root:secret@db/" }),
    (error: Error) => !error.message.includes("secret"),
  );
});

test("readSettings() reads KEY=value pairs with quotes", () => {
  const { workerEnv } = readSettings({ WORKER_ENV: `A=1  B="two words" C='x=y' D=` }).services;
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
  const all = [...SETTINGS, ...SAMPLE_SETTINGS];
  const example = readFileSync(join(ROOT, ".env.example"), "utf8");
  assert.deepEqual(
    { ...parseEnv(example) },
    Object.fromEntries(all.filter((each) => each.default).map((each) => [each.name, each.default])),
  );
  for (const { name, default: value, help, allowed } of all) {
    const choice = allowed ? ` (${allowed.join(" | ")})` : "";
    assert.ok(
      example.includes(`# ${help}${choice}\n${value ? "" : "# "}${name}=${value}\n`),
      `${name} is missing or differs`,
    );
  }
});
