import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { finish } from "../../../test/checkout.ts";
import { startProgram } from "../../../test/program.ts";
import { type Collector, startCollector } from "../../collector/collector.ts";
import { readSpans } from "../../otlp/read_spans.ts";
import { countSpans, type SpanCounts } from "../../recording/span_counts.ts";
import { currentRuntime } from "../../settings/runtime.ts";
import { freePort } from "../../stack/ports.ts";
import { waitFor } from "../../wait_for.ts";

const prelude = `
  const { trace } = await import("@opentelemetry/api");
  const span = (options, attributes = {}) => trace.getTracer("test").startSpan("work", options).setAttributes(attributes).end();
  const spans = (count) => { for (let i = 0; i < count; i++) span(); };
  const flush = () => trace.getTracerProvider().getDelegate().forceFlush().catch(() => {});`;

/** Runs `use` in an empty folder for a collector's files, with the environment of a process that sends to `port`. */
async function withFolder(use: (folder: string, port: number, environment: Record<string, string>) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const port = await freePort();
  try {
    await use(folder, port, {
      OTEL_ENABLED: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "50",
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the process counted, and how many spans are in the file. */
async function account(folder: string): Promise<{ counts: SpanCounts; stored: number }> {
  const { "test-service": counts } = await countSpans([{ path: join(folder, "metrics.jsonl") }], 0);
  assert.ok(counts, "no counts have arrived");
  let stored = 0;
  for await (const _ of readSpans([join(folder, "traces.jsonl")])) stored++;
  return { counts, stored };
}

const endBySignal = "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1_000);";

interface Case {
  what: string;
  program: string;
  environment?: Record<string, string>;
  expected: Partial<SpanCounts>;
}

const cases: Case[] = [
  {
    what: "all is well",
    program: "spans(10); await flush(); spans(5);",
    expected: { created: 15, exported: 15 },
  },
  {
    what: "the queue is full",
    program: "spans(1_000);",
    environment: { OTEL_BSP_MAX_QUEUE_SIZE: "10" },
    expected: { created: 1_000, exported: 20, queueFull: 980 }, // one batch under way, one waiting
  },
  {
    what: "the collector refuses a batch, because of a NaN",
    program: "spans(3); await flush(); spans(4); span({}, { ratio: NaN }); await flush(); spans(2);",
    environment: { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }, // in which there is no NaN
    expected: { created: 10, exported: 5, refused: 5 },
  },
  {
    what: "a span cannot be encoded",
    program: "spans(3); await flush(); spans(4); span({ startTime: NaN }); await flush(); spans(2);",
    expected: { created: 10, exported: 9, failed: 1 },
  },
  {
    what: "a batch cannot be encoded as JSON",
    program: "spans(3); await flush(); spans(4); span({ startTime: NaN }); await flush(); spans(2);",
    environment: { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    expected: { created: 10, exported: 5, failed: 5 },
  },
  {
    what: "an attribute is NaN, which protobuf can say",
    program: "span({}, { ratio: NaN });",
    expected: { created: 1, exported: 1 },
  },
  {
    what: "spans are not sampled",
    program: "spans(10);",
    environment: { OTEL_TRACES_SAMPLER: "always_off" },
    expected: { created: 0 },
  },
  {
    what: "a span has not ended",
    program: "spans(2); trace.getTracer('test').startSpan('open');",
    expected: { created: 3, exported: 2, pending: 1 },
  },
  {
    what: "a signal ends the process while a batch is under way",
    program: `spans(1); ${endBySignal}`,
    environment: { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1" },
    expected: { created: 1, exported: 1 },
  },
  {
    what: "a signal ends the process and the last batch is refused",
    program: `span({}, { ratio: NaN }); ${endBySignal}`,
    environment: { OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
    expected: { created: 1, refused: 1 },
  },
];

for (const { what, program, environment, expected } of cases) {
  test(`every span is accounted for when ${what}`, () =>
    withFolder(async (folder, port, own) => {
      const collector = await startCollector({ folder, port });
      try {
        const child = startProgram(prelude + program, { ...own, ...environment }, currentRuntime);
        const { code, signal, stderr } = await finish(child);
        assert.ok(code === 0 || signal === "SIGTERM", stderr);
        const { counts, stored } = await account(folder);
        const { processes, at, ...rest } = counts;
        assert.deepEqual(rest, {
          ...{ created: 0, exported: 0, queueFull: 0, refused: 0, failed: 0, pending: 0 },
          ...expected,
        });
        assert.equal(stored, rest.exported);
        assert.equal(collector.counts().spans, rest.exported);
        assert.equal(collector.counts().refused, rest.refused ? 1 : 0);
        assert.equal(processes, 1);
      } finally {
        await collector.close();
      }
    }));
}

test("exports that failed while the collector was away are counted, and the counts arrive when it is back", () =>
  withFolder(async (folder, port, own) => {
    const program = `
      let created = 0;
      const working = setInterval(() => { created++; span(); }, 5);
      process.once("SIGTERM", () => { clearInterval(working); console.log(created); });`;
    // The timeout is less than a retry takes.
    const noRetry = { OTEL_BSP_SCHEDULE_DELAY: "20", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "500" };
    const delta = { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta" }; // would lose what was counted meanwhile
    const child = startProgram(prelude + program, { ...own, ...noRetry, ...delta }, currentRuntime);
    const ran = finish(child);
    let said = "";
    child.stderr?.on("data", (text) => {
      said += text;
    });
    let collector: Collector | undefined;
    try {
      await waitFor(() => said.includes("ECONNREFUSED") || undefined, "a failed export");
      collector = await startCollector({ folder, port });
      // They come from the process while it runs, not only from its last flush.
      const arrived = async () => {
        const { counts } = await account(folder);
        return counts.failed > 0 && counts.exported > 0 ? counts : undefined;
      };
      await waitFor(arrived, "the counts");
      child.kill("SIGTERM");
      const { stdout } = await ran;
      const { counts, stored } = await account(folder);
      assert.equal(counts.created, Number(stdout));
      assert.equal(counts.exported + counts.failed, counts.created, JSON.stringify(counts));
      assert.equal(stored, counts.exported);
    } finally {
      child.kill("SIGKILL");
      await ran;
      await collector?.close();
    }
  }));
