import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tailOf } from "../otlp/live_file.ts";
import { countSpans } from "./span_counts.ts";

const SAMPLED = { "otel.span.sampling_result": "RECORD_AND_SAMPLE" };

/** A line of `metrics.jsonl`: what one process counted, at `second`. `sums` are metric, value and attributes. */
function line(service: string, process: string, second: number, ...sums: [string, number, object?][]): string {
  const attributes = (of: object) => Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const resource = { attributes: attributes({ "service.name": service, "service.instance.id": process }) };
  const metrics = sums.map(([name, asDouble, of = {}]) => {
    const point = { attributes: attributes(of), timeUnixNano: `${second}000000000`, asDouble };
    return { name: `otel.sdk.${name}`, sum: { dataPoints: [point] } };
  });
  return `${JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ scope: {}, metrics }] }] })}\n`;
}

const complete = (created: number, ...more: [string, number, object?][]): [string, number, object?][] => [
  ["span.started", created, SAMPLED],
  ["processor.span.queue.capacity", 2048],
  ...more,
];

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "runs-"));
  try {
    await use(join(folder, "metrics.jsonl"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("countSpans() sums the newest counts of the processes that still send, and leaves out who does not count", () =>
  withFile(async (path) => {
    const lines = [
      line("worker", "ended", 9, ...complete(500, ["processor.span.processed", 500, { "error.type": "queue_full" }])),
      line("worker", "a", 11, ...complete(10)),
      line(
        ...(["worker", "a", 13] as const),
        ...complete(
          30,
          ["span.started", 7, { "otel.span.sampling_result": "DROP" }],
          ["processor.span.processed", 5],
          ["processor.span.processed", 4, { "error.type": "queue_full" }],
          ["processor.span.processed", 3, { "error.type": "OTLPExporterError" }],
          ["processor.span.processed", 2, { "error.type": "AggregateError" }],
          ["exporter.span.exported", 2, { "error.type": "OTLPExporterError" }],
          ["exporter.span.exported", 2, { "error.type": "export_failed" }],
        ),
      ),
      // Tried again by the exporter, so it comes late.
      line("worker", "a", 12, ...complete(20)),
      line("worker", "b", 12, ...complete(1, ["processor.span.processed", 1])),
      line("other SDK", "c", 12, ["span.started", 9, SAMPLED]),
      line("no metrics of the SDK", "d", 12),
    ];
    writeFileSync(path, lines.join(""));
    assert.deepEqual(await countSpans([{ path }], 10_000), {
      worker: {
        ...{ created: 31, exported: 6, queueFull: 4, refused: 2, failed: 3, pending: 16 },
        ...{ processes: 2, at: "1970-01-01T00:00:12.000Z" },
      },
    });
    assert.deepEqual(await countSpans([{ path: `${path}.missing` }], 0), {});
  }));

test("tailOf() is the end of a file, and of its predecessor where it is short", () =>
  withFile(async (path) => {
    const count = async (bytes: number) => (await countSpans(tailOf(path, bytes), 0)).s?.processes;
    assert.equal(await count(100), undefined);
    const lines = ["a", "b", "c", "d"].map((process) => line("s", process, 1, ...complete(1)));
    const { length } = lines[0]!;
    writeFileSync(path, lines.slice(0, 2).join(""));
    assert.equal(await count(length), 1);
    assert.equal(await count(9 * length), 2);
    writeFileSync(`${path}.1`, lines.slice(2).join(""));
    assert.equal(await count(2 * length), 2);
    assert.equal(await count(3 * length), 3);
    assert.equal(await count(9 * length), 4);
  }));
