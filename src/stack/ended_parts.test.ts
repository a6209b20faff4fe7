import assert from "node:assert/strict";
import { test } from "node:test";
import { endedParts } from "./ended_parts.ts";

test("endedParts() names what does not run any more, how it ended and why, and nothing that was never started", () => {
  const ended = { isRunning: false, isReady: false, environment: {} };
  const at = "2026-01-01T00:00:00.000Z";
  const death = { kind: "oom-kill", what: "The kernel killed the worker", facts: [], next: "" } as const;
  const status = {
    api: ended, // its supervisor died too
    worker: { ...ended, exit: { code: null, signal: "SIGKILL", at }, death: { ...death, facts: [] } },
    postgres: { ...ended, exit: null },
    collector: { isRunning: true, isReady: true, environment: {} },
  };
  assert.deepEqual(endedParts({ parts: ["api", "worker", "postgres", "collector", "redis"] }, status), [
    "the api does not run any more",
    "the worker has ended with SIGKILL: The kernel killed the worker",
    "the postgres has ended with an exit code that nobody saw",
  ]);
});
