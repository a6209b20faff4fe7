import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceNames } from "../application/application.ts";
import type { SpanCounts } from "../recording/span_counts.ts";
import { readSettings } from "../settings/settings.ts";
import { openStack } from "../stack/open_stack.ts";
import { wantedOf } from "../stack/wanted.ts";
import { accountingWarnings } from "./accounting.ts";

const counts: SpanCounts = {
  ...{ created: 5310, exported: 4106, queueFull: 0, refused: 0, failed: 0, pending: 4 },
  ...{ processes: 1, at: "1970-01-01T00:00:12.000Z" },
};

test("accountingWarnings() says what was lost or not measured, and nothing when all is well", () => {
  const wanted = wantedOf(readSettings({}, "/app"));
  const names = serviceNames(wanted.application);
  assert.deepEqual(accountingWarnings({ "prodlike-api": counts, theirs: counts }, names, openStack(wanted)), []);
  const bad = {
    "prodlike-api": { notMeasured: "the api runs with OTEL_METRICS_EXPORTER=none" },
    "prodlike-worker": { ...counts, queueFull: 1_200, refused: 4 },
    theirs: { ...counts, failed: 1 },
  };
  assert.deepEqual(accountingWarnings(bad, names, openStack(wanted)), [
    {
      name: "span accounting",
      detail: "prodlike-api: not measured: the api runs with OTEL_METRICS_EXPORTER=none",
      next: "cat /app/.prodlike/stack/api.log | grep telemetry",
    },
    {
      name: "spans lost",
      detail: "prodlike-worker 1,204 of 5,310: queue full 1,200, refused by the collector 4",
      next: "raise OTEL_BSP_MAX_QUEUE_SIZE (default 2048)",
    },
    { name: "spans lost", detail: "theirs 1 of 5,310: export failed 1", next: "look at its log" },
  ]);
});
