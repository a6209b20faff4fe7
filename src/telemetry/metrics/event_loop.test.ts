import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { currentRuntime } from "../../settings/runtime.ts";
import { waitFor } from "../../wait_for.ts";
import { EVENT_LOOP_DELAY_MAX, EVENT_LOOP_STATE, EVENT_LOOP_UTILIZATION } from "../names.ts";
import { observeEventLoop } from "./event_loop.ts";

/** What a collection of these metrics tells: by their names, and by the state that the loop was in. */
type Collect = () => Promise<Record<string, number | undefined>>;

function loopTest(name: string, run: (collect: Collect, end: () => void) => Promise<void>): void {
  test(name, { skip: currentRuntime === "deno" }, async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const end = observeEventLoop(provider.getMeter("test"));
    const collect = async () => {
      await provider.forceFlush();
      const metrics = (exporter.getMetrics().at(-1)?.scopeMetrics ?? []).flatMap((scope) => scope.metrics);
      const points = metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => [attributes[EVENT_LOOP_STATE] ?? descriptor.name, value]),
      );
      exporter.reset();
      return Object.fromEntries(points);
    };
    try {
      await waitFor(async () => (await collect())[EVENT_LOOP_DELAY_MAX], "a delay");
      await run(collect, end);
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

loopTest("observeEventLoop() reports a block that a collection follows at once", async (collect) => {
  for (let round = 0; round < 5; round++) {
    await setTimeout(20);
    block(100);
    const longest = (await collect())[EVENT_LOOP_DELAY_MAX];
    assert.ok(longest! > 0.08, `round ${round}: ${longest}`);
  }
});

loopTest("observeEventLoop() reports delay and utilisation of the interval, and times that add up", async (collect) => {
  const before = await collect();
  block(1_000);
  const blocked = await collect();
  await setTimeout(1_000);
  const idle = await collect();
  assert.ok(blocked[EVENT_LOOP_DELAY_MAX]! > 0.98 && blocked[EVENT_LOOP_UTILIZATION]! > 0.5, JSON.stringify(blocked));
  assert.ok(blocked.active! - before.active! > 0.98 && idle.idle! - blocked.idle! > 0.3, JSON.stringify(idle));
  for (const name of [EVENT_LOOP_DELAY_MAX, EVENT_LOOP_UTILIZATION]) assert.ok(idle[name]! < blocked[name]!, name);
  assert.ok(idle.active! >= blocked.active! && blocked.idle! >= before.idle!);
});

loopTest("observeEventLoop() looks at the loop no longer when it is ended", async (collect, end) => {
  end();
  const before = await collect();
  block(100);
  await setTimeout(60); // two looks
  assert.equal((await collect())[EVENT_LOOP_DELAY_MAX], before[EVENT_LOOP_DELAY_MAX]);
});
