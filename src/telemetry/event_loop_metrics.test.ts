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

function loopTest(
  name: string,
  run: (longest: () => Promise<number | undefined>, end: () => void) => Promise<void>,
): void {
  test(name, { skip: currentRuntime === "deno" }, async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const end = observeEventLoop(provider.getMeter("test"));
    const longest = async () => {
      await provider.forceFlush();
      const scopes = exporter.getMetrics().at(-1)?.scopeMetrics ?? [];
      const metric = scopes
        .flatMap(({ metrics }) => metrics)
        .find(({ descriptor }) => descriptor.name === EVENT_LOOP_DELAY_MAX);
      return metric?.dataPoints[0]?.value as number | undefined;
    };
    try {
      await waitFor(longest, "a delay");
      await run(longest, end);
    } finally {
      end();
      await provider.shutdown();
    }
  });
}

function block(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

loopTest("observeEventLoop() reports a block that a collection follows at once", async (longest) => {
  for (let round = 0; round < 5; round++) {
    await setTimeout(20);
    block(100);
    const seen = await longest();
    assert.ok(seen! > 0.08, `round ${round}: ${seen}`);
  }
});

loopTest("observeEventLoop() looks at the loop no longer when it is ended", async (longest, end) => {
  end();
  const before = await longest();
  block(100);
  await setTimeout(20); // two looks
  assert.equal(await longest(), before);
});
