import assert from "node:assert/strict";
import { test } from "node:test";
import { readSettings } from "../settings/settings.ts";
import { lintLimits } from "./lint.ts";
import { settingsSubject } from "./settings_subject.ts";

const lint = (environment: Record<string, string>) =>
  lintLimits({ ...settingsSubject(readSettings(environment)), hostSwapBytes: 0 }).map(({ rule, where }) => [
    rule,
    where,
  ]);

test("settingsSubject() of the defaults has no finding", () => {
  assert.deepEqual(lint({}), []);
  assert.deepEqual(lint({ STACK: "compose" }), []);
  assert.deepEqual(lint({ RUNTIME: "deno" }), []);
});

test("settingsSubject() names the settings that do not fit", () => {
  const heap = "PRODLIKE_OLD_SPACE_MB and PRODLIKE_SEMI_SPACE_MB";
  assert.deepEqual(lint({ PRODLIKE_MEMORY: "11g" }), [["heap-above-memory", heap]]);
  assert.deepEqual(lint({ PRODLIKE_MEMORY: "12g", PRODLIKE_OLD_SPACE_MB: "2048" }), [["heap-far-below-memory", heap]]);
  assert.deepEqual(lint({ UV_THREADPOOL_SIZE: "64" }), [["threadpool-above-cpus", "environment"]]);
  assert.deepEqual(lint({ UV_THREADPOOL_SIZE: "64", WORKER_ENV: "UV_THREADPOOL_SIZE=4" }), []);
});

test("settingsSubject() sees the flags that hide in the worker's environment", () => {
  assert.deepEqual(lint({ WORKER_ENV: "NODE_OPTIONS=--max-old-space-size=16384" }), [
    ["heap-above-memory", "WORKER_ENV"],
    ["flag-overridden", "PRODLIKE_OLD_SPACE_MB and PRODLIKE_SEMI_SPACE_MB"],
    ["flag-overridden", "PRODLIKE_OLD_SPACE_MB and PRODLIKE_SEMI_SPACE_MB"],
  ]);
  assert.deepEqual(lint({ RUNTIME: "deno", PRODLIKE_ENV: "NODE_OPTIONS=--max-old-space-size=100" }), [
    ["ignored-by-runtime", "PRODLIKE_ENV"],
  ]);
});
