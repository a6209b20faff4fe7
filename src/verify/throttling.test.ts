import assert from "node:assert/strict";
import { test } from "node:test";
import { throttlingWarnings } from "./throttling.ts";

test("throttlingWarnings() says what was lost, and nothing when it was little or is not known", () => {
  const of = { service: "prodlike-worker", job: "4711" };
  assert.deepEqual(throttlingWarnings({ notMeasured: "it has no CPU quota" }, of), []);
  assert.deepEqual(throttlingWarnings({ periods: 100, throttledPeriods: 9, throttledSeconds: 0.1 }, of), []);
  assert.deepEqual(
    throttlingWarnings({ periods: 17, throttledPeriods: 16, throttledSeconds: 1.234 }, of).map(({ detail }) => detail),
    ["prodlike-worker: 16 of 17 periods (94 %), 1.23 s lost while job 4711 ran"],
  );
});
