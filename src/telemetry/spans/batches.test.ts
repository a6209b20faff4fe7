import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createNoopMeter, SpanKind } from "@opentelemetry/api";
import { type ExportResult, ExportResultCode, loggingErrorHandler, setGlobalErrorHandler } from "@opentelemetry/core";
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  type ReadableSpan,
  type SpanProcessor,
} from "@opentelemetry/sdk-trace-node";
import { BatchingSpanProcessor, type OpenBatch } from "./batches.ts";

/** What a processor hands over, and the answer that it waits for. */
interface Exported {
  names: string[];
  answer(result?: ExportResult): void;
}

interface Tried {
  processor: SpanProcessor;
  exports: Exported[];
  /** Not answered yet. */
  open: Exported[];
  end(count: number): void;
}

const FAILED = { code: ExportResultCode.FAILED, error: new Error("refused") };

/** A batch as the names of its spans. */
class Names implements OpenBatch {
  #names: string[] = [];

  get length(): number {
    return this.#names.length;
  }

  add({ name }: ReadableSpan): void {
    this.#names.push(name);
  }

  take(): Uint8Array {
    return Buffer.from(this.#names.splice(0).join());
  }
}

/** Ours, or the SDK's, whose exports are answered by the test. */
function tryOut(kind: "ours" | "stock", onExport: (exported: Exported) => void = () => {}): Tried {
  const tried: Omit<Tried, "processor" | "end"> = { exports: [], open: [] };
  const take = (names: string[], done: (result: ExportResult) => void) => {
    const exported: Exported = {
      names,
      answer(result = { code: ExportResultCode.SUCCESS }) {
        tried.open.splice(tried.open.indexOf(exported), 1);
        done(result);
      },
    };
    tried.exports.push(exported);
    tried.open.push(exported);
    onExport(exported);
  };
  const rest = { forceFlush: async () => {}, shutdown: async () => {}, setMetrics: () => {} };
  const ours = () =>
    new BatchingSpanProcessor(
      { export: ({ bytes }, done) => take(Buffer.from(bytes).toString().split(","), done), ...rest },
      { getMeter: createNoopMeter },
      new Names(),
    );
  const stock = () =>
    new BatchSpanProcessor({
      export: (spans, done) =>
        take(
          spans.map(({ name }) => name),
          done,
        ),
      ...rest,
    });
  const processor = kind === "ours" ? ours() : stock();
  const tracer = new NodeTracerProvider({ spanProcessors: [processor] }).getTracer("test");
  let ended = 0;
  return {
    ...tried,
    processor,
    end(count) {
      for (let i = 0; i < count; i++) tracer.startSpan(`${ended++}`, { kind: SpanKind.INTERNAL }).end();
    },
  };
}

/** Runs `use` with the limits of a batch processor, which it reads when it is made. */
async function withLimits(limits: Record<string, number>, use: () => Promise<void>): Promise<void> {
  const names = Object.keys(limits).map((name) => `OTEL_BSP_${name}`);
  for (const [name, value] of Object.entries(limits)) process.env[`OTEL_BSP_${name}`] = String(value);
  try {
    await use();
  } finally {
    for (const name of names) delete process.env[name];
    setGlobalErrorHandler(loggingErrorHandler());
  }
}

const SMALL = { MAX_EXPORT_BATCH_SIZE: 2, MAX_QUEUE_SIZE: 1_000, SCHEDULE_DELAY: 600_000 };
const namesOf = ({ exports }: Tried) => exports.flatMap(({ names }) => names);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
const isSettled = async (work: Promise<unknown>) => {
  let settled = false;
  void work.finally(() => (settled = true)).catch(() => {});
  await setImmediate();
  return settled;
};
const answerAll = async ({ open }: Tried, result?: ExportResult) => {
  for (; open.length > 0; await setImmediate()) open[0]!.answer(result);
};

test("forceFlush() and shutdown() send every span that has ended, however many batches wait", () =>
  withLimits(SMALL, async () => {
    for (const step of ["forceFlush", "shutdown"] as const) {
      for (let spans = 0; spans <= 25; spans++) {
        const tried = tryOut("ours");
        tried.end(spans);
        const flushed = tried.processor[step]();
        assert.deepEqual(namesOf(tried).sort(), upTo(spans).sort());
        await answerAll(tried);
        await flushed;
      }
    }
  }));

test("forceFlush() waits for the batch that is under way, and for no span that ends later", () =>
  withLimits(SMALL, async () => {
    const tried = tryOut("ours");
    tried.end(2);
    const [underWay] = tried.open;
    const flushed = tried.processor.forceFlush();
    tried.end(5);
    assert.equal(await isSettled(flushed), false);
    underWay!.answer();
    await flushed;
    await answerAll(tried);
    assert.deepEqual(namesOf(tried), upTo(6)); // the seventh waits for its time
  }));

test("forceFlush() and shutdown() wait for what a flush before them has begun", () =>
  withLimits(SMALL, async () => {
    for (const step of ["forceFlush", "shutdown"] as const) {
      const tried = tryOut("ours");
      tried.end(9);
      const first = tried.processor.forceFlush();
      const second = tried.processor[step]();
      tried.open.at(-1)!.answer();
      assert.equal(await isSettled(second), false);
      await answerAll(tried);
      await Promise.all([first, second]);
      assert.deepEqual(namesOf(tried), upTo(9));
    }
  }));

test("forceFlush() sends more batches than an exporter takes at once", () =>
  withLimits({ ...SMALL, MAX_EXPORT_BATCH_SIZE: 1 }, async () => {
    let most = 0;
    const tried = tryOut("ours", () => {
      most = Math.max(most, tried.open.length);
    });
    tried.end(200);
    const flushed = tried.processor.forceFlush();
    await answerAll(tried);
    await flushed;
    assert.deepEqual(namesOf(tried), upTo(200));
    assert.ok(most > 1 && most < 30, String(most));
  }));

test("forceFlush() rejects with the first error when all batches have been tried, and what comes later is sent", () =>
  withLimits({ ...SMALL, EXPORT_TIMEOUT: 20 }, async () => {
    const failing: [what: string, onExport: (exported: Exported) => void, error: RegExp][] = [
      ["is refused", (exported) => exported.answer(FAILED), /refused/],
      [
        "throws",
        () => {
          throw new Error("thrown");
        },
        /thrown/,
      ],
      ["is never answered", () => {}, /Timeout/],
    ];
    for (const [what, onExport, error] of failing) {
      const handled: unknown[] = [];
      setGlobalErrorHandler((each) => handled.push(each));
      let fails = true;
      const tried = tryOut("ours", (exported) => (fails ? onExport(exported) : exported.answer()));
      tried.end(7);
      await assert.rejects(tried.processor.forceFlush(), error, what);
      assert.deepEqual(namesOf(tried), upTo(7), what);
      assert.equal(handled.length, 1, what); // of the batch that no flush has begun
      fails = false;
      tried.end(2);
      await tried.processor.shutdown();
      assert.deepEqual(namesOf(tried), upTo(9), what);
    }
  }));

test("the processor hands over the same batches as the SDK's in random orders of events", () =>
  withLimits({ ...SMALL, MAX_EXPORT_BATCH_SIZE: 3 }, async () => {
    for (let seed = 1; seed <= 300; seed++) {
      const [ours, stock] = await Promise.all([play(tryOut("ours"), seed), play(tryOut("stock"), seed)]);
      assert.deepEqual(ours, stock, `seed ${seed}`);
    }
  }));

/** Plays events in the order that `seed` gives, and returns the batches. */
async function play(tried: Tried, seed: number): Promise<string[][]> {
  let state = seed;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31; // enough for a test
    return Math.floor((state / 2 ** 31) * below);
  };
  const flushes: Promise<unknown>[] = [];
  for (let step = 0; step < 20; step++) {
    const event = random(10);
    if (event < 5) tried.end(random(5));
    else if (event < 9) tried.open[0]?.answer(random(4) === 0 ? FAILED : undefined);
    else flushes.push(tried.processor.forceFlush().catch(() => {}));
    await setImmediate();
  }
  flushes.push(tried.processor.shutdown().catch(() => {}));
  await setImmediate();
  await answerAll(tried);
  await Promise.all(flushes);
  return tried.exports.map(({ names }) => names);
}
