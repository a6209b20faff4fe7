import assert from "node:assert/strict";
import { test } from "node:test";
import { onceAMinute } from "./problems.ts";

test("onceAMinute() prints each kind of problem once, as one line", () => {
  const lines: string[] = [];
  const log = onceAMinute((line) => lines.push(line));
  const failure = {
    name: "AggregateError",
    stack: "Error\n  at x",
    errors: "Error: connect ECONNREFUSED 127.0.0.1:9",
    code: "ECONNREFUSED",
  };
  for (let round = 0; round < 3; round++) log.error(JSON.stringify(failure));
  log.warn("first\nsecond");
  log.info("not shown");
  assert.deepEqual(lines, [
    "telemetry error: AggregateError: Error: connect ECONNREFUSED 127.0.0.1:9: ECONNREFUSED",
    "telemetry warning: first",
  ]);
});
