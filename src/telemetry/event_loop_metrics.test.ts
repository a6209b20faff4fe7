import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { currentRuntime } from "../runtime.ts";
import { waitFor } from "../stack/wait_for.ts";
import { EVENT_LOOP_DELAY_MAX } from "./attributes.ts";
import { observeEventLoop } from "./event_loop_metrics.ts";

test("observeEventLoop() looks at the loop no longer when it is ended", {
  skip: currentRuntime === "deno",
}, async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  const end = observeEventLoop(provider.getMeter("test"));
  const longest = async () => {
    await provider.forceFlush();
    const metrics =
      exporter
        .getMetrics()
        .at(-1)
        ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
    return metrics.find(({ descriptor }) => descriptor.name === EVENT_LOOP_DELAY_MAX)?.dataPoints[0]?.value;
  };
  try {
    await waitFor(longest, "a delay");
    end();
    const before = await longest();
    const until = performance.now() + 100;
    while (performance.now() < until);
    await setTimeout(20); // two looks
    assert.equal(await longest(), before);
  } finally {
    end();
    await provider.shutdown();
  }
});
