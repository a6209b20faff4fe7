import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readChanges } from "./read_changes.ts";
import { readPoints } from "./read_points.ts";

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });

/** A line of `metrics.jsonl`: what a process has counted at `second` since `start`. */
function line(process: string, [start, second]: [number, number], periods: number, gc: [number, number]): string {
  const resource = {
    attributes: [
      attribute("service.name", "worker"),
      attribute("service.instance.id", process),
      attribute("process.pid", process === "new" ? "7" : "1"),
    ],
  };
  const times = { startTimeUnixNano: `${start}000000000`, timeUnixNano: `${second}000000000` };
  const metrics = [
    { name: "periods", sum: { dataPoints: [{ ...times, asInt: String(periods) }] } },
    {
      name: "gc",
      histogram: {
        dataPoints: [{ ...times, sum: gc[0], count: String(gc[1]), attributes: [attribute("type", "major")] }],
      },
    },
    { name: "other", gauge: { dataPoints: [{ ...times, asDouble: 1 }] } },
  ];
  return `${JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] })}\n`;
}

test("readChanges() counts each process from its last point before the window", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const path = join(folder, "metrics.jsonl");
    const lines = [
      line("ended", [1, 5], 900, [9, 9]),
      line("long", [1, 9], 100, [1, 10]),
      line("long", [1, 10], 110, [1.5, 12]),
      line("long", [1, 12], 140, [2, 15]),
      line("new", [11, 13], 7, [0.25, 1]),
      line("unknown before", [1, 13], 500, [5, 5]),
    ];
    writeFileSync(path, lines.join(""));
    const read = (sinceMs: number) =>
      readChanges(readPoints([path]), { service: "worker", metrics: ["periods", "gc"], sinceMs });
    assert.deepEqual(await read(10_000), [
      { metric: "periods", attributes: {}, by: 30, count: undefined },
      { metric: "gc", attributes: { type: "major" }, by: 0.5, count: 3 },
      { metric: "periods", attributes: {}, by: 7, count: undefined },
      { metric: "gc", attributes: { type: "major" }, by: 0.25, count: 1 },
    ]);
    assert.deepEqual(await read(14_000), []);
    const one = await readChanges(readPoints([path]), {
      service: "worker",
      resource: { "process.pid": "7" },
      metrics: ["periods"],
      sinceMs: 10_000,
    });
    assert.deepEqual(
      one.map(({ by }) => by),
      [7],
    );
    const none = await readChanges(readPoints([path]), { service: "api", metrics: ["periods"], sinceMs: 0 });
    assert.deepEqual(none, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
