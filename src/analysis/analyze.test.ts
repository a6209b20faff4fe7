import assert from "node:assert/strict";
import { test } from "node:test";
import { BEGIN_MS, testRun, testSamples, testSpan } from "../../test/example_run.ts";
import { type Span, SpanKind } from "../otlp/types.ts";
import * as names from "../telemetry/names.ts";
import { analyze, analyzeJobs } from "./analyze.ts";
import { readDescription } from "./run_description.ts";

const job = (more: Partial<Span> = {}, from = BEGIN_MS, ms = 100): Span =>
  testSpan({
    ...{ from, ms, name: "process", kind: SpanKind.CONSUMER, service: "worker", traceId: "t1", spanId: "job" },
    attributes: { [names.MESSAGING_OPERATION_TYPE]: "process", [names.BULLMQ_JOB_NAME]: "mail" },
    ...more,
  });
const child = (spanId: string, parentSpanId: string, more: Partial<Span> & { at: number; ms: number }): Span => {
  const { at, ...rest } = more;
  return testSpan({ traceId: "t1", spanId, parentSpanId, name: spanId, from: BEGIN_MS + at, ...rest });
};
/** Times since 1970 are exact to a quarter of a microsecond. */
const round = (ms: number) => Math.round(ms * 1e3) / 1e3;
const missing = (report: { notMeasured: { what: string }[] }) => report.notMeasured.map(({ what }) => what);

test("analyze() says what is missing of an empty run", async () => {
  const report = await analyze({ spans: [] });
  assert.equal(report.verdict, "Nothing can be said: no job ended in this run");
  assert.deepEqual([report.findings, report.jobs, report.traces, report.timeline.lanes], [[], [], [], []]);
  assert.deepEqual(missing(report), ["jobs", "event loop, memory and CPU over time", "functions", "the client's view"]);
  assert.equal(report.run.id, "not known");
  assert.equal(report.tax.cpuUsPerJob, undefined);
  assert.deepEqual([report.outcome, report.reasons], ["nothing can be said", ["no job ended in this run"]]);
  const load = { kind: "closed", description: "", sent: 9, completed: 9, failed: 0, unfinished: 0 } as const;
  const unseen = await analyze({ spans: [], load: { ...load, throughputPerSecond: 1 } });
  assert.deepEqual(unseen.reasons, ["no job span arrived, of 9 jobs that completed"]);
});

test("analyze() counts an input that breaks up to there, and says so", async () => {
  async function* cutOff() {
    yield job();
    throw new SyntaxError('Cannot read "traces.jsonl": the line "{" is not JSON');
  }
  const notMeasured = [{ what: "functions of the last seconds", reason: "their profile has not arrived" }];
  const description = readDescription({ load: { cutOff: "ended by Ctrl-C" }, notMeasured });
  const report = await analyze({ spans: cutOff(), description });
  assert.equal(report.jobs[0]?.count, 1);
  assert.equal(report.run.cutOff, "ended by Ctrl-C");
  assert.ok(missing(report).includes("the rest of the spans") && missing(report).includes("the whole run"));
  assert.ok(missing(report).includes("functions of the last seconds"));
});

test("analyze() says when spans of jobs are missing that the client saw completed", async () => {
  const load = { kind: "closed", description: "", sent: 60, failed: 0, unfinished: 0, throughputPerSecond: 1 } as const;
  const run = (completed: number) =>
    testRun({ jobs: [{ name: "work", count: 50, everyMs: 100, parts: { cpu: 40 } }], load: { ...load, completed } });
  const missing = async (completed: number) =>
    (await analyze(run(completed))).notMeasured.find(({ what }) => what === "all jobs")?.reason;
  assert.equal(await missing(60), "the client saw 60 jobs completed, and spans of 50 are there");
  assert.equal(await missing(50), undefined);
});

test("analyze() ends the timeline with the load, and means over the time of jobs alone", async () => {
  const run = testRun({
    jobs: [{ name: "work", count: 100, everyMs: 100, parts: { cpu: 40, idle: 60 } }],
    metrics: { [names.ACTIVE_JOBS]: (second) => (second > 10 ? 1_000 : 1) },
  });
  const loaded = { ...run.description, endMs: BEGIN_MS + 30_000 };
  const report = await analyze({ ...run, description: { ...loaded, loadEndMs: BEGIN_MS + 10_500 } });
  assert.equal(report.timeline.durationMs, 10_500);
  assert.equal((await analyze({ ...run, description: loaded })).timeline.durationMs, 30_000);
  assert.equal(report.laws?.find(({ name }) => name === "Little's law")?.measured, 1);
});

test("analyze() survives hostile spans and says how many were damaged", async () => {
  const long = "x".repeat(1e6);
  const report = await analyze({
    spans: [
      job({
        attributes: {
          [names.MESSAGING_OPERATION_TYPE]: "process",
          [names.BULLMQ_JOB_NAME]: long,
          [names.JOB_CPU_MS]: Number.NaN,
          [names.JOB_WAIT_MS]: Number.POSITIVE_INFINITY,
          [names.JOB_GC_MS]: "7",
          [names.JOB_RUN_MS]: -5,
        },
      }),
      child("a", "b", { at: 0, ms: 1 }),
      child("b", "a", { at: 0, ms: 1 }),
      child("self", "self", { at: 0, ms: 1 }),
      child("orphan", "nobody", { at: 0, ms: 1 }),
      child("twice", "job", { at: 0, ms: 10, name: long }),
      child("twice", "job", { at: 0, ms: 10, name: long }),
      child("backwards", "job", { at: 50, ms: -20 }),
      testSpan({ from: 0, ms: 0, traceId: "t1", spanId: "timeless" }),
      testSpan({ from: BEGIN_MS, ms: 1, traceId: "", spanId: "" }),
      // a job below itself, in another trace
      job({ traceId: "t2", spanId: "loop", parentSpanId: "loop" }),
    ],
  });
  assert.deepEqual(
    report.jobs.map(({ count, total }) => [count, total.max]),
    [
      [1, 100],
      [1, 100],
    ],
  );
  assert.equal(report.jobs[0]?.parts.cpu, undefined);
  assert.equal(report.jobs[0]?.parts.wait, undefined);
  assert.ok(JSON.stringify(report).length < 20_000, "names are clipped");
  const twice = report.jobs.flatMap(({ spans }) => spans).find(({ name }) => name.startsWith("xxx"));
  assert.equal(twice?.count, 1);
  assert.match(report.notMeasured.find(({ what }) => what === "damaged spans")!.reason, /^3 /);
  assert.doesNotMatch(JSON.stringify(report), /NaN|Infinity/);
});

test("analyze() goes down traces of any depth", async () => {
  const spans = Array.from({ length: 15_000 }, (_, depth) =>
    child(`s${depth}`, depth === 0 ? "job" : `s${depth - 1}`, { at: 0, ms: 90, name: "deeper" }),
  );
  const report = await analyze({ spans: [...spans, job()] });
  assert.equal(report.jobs[0]?.spans.find(({ name }) => name === "deeper")?.count, 15_000);
  assert.ok(report.traces[0]!.spans.length <= 300);
});

// job 0..100
// ├─ a 10..40
// ├─ b 30..60      (overlaps a)
// └─ c 60..90
//    └─ d 60..80
test("analyze() gives self time and the critical path", async () => {
  const { jobs } = await analyze({
    spans: [
      ...[
        child("a", "job", { at: 10, ms: 30 }),
        child("b", "job", { at: 30, ms: 30 }),
        child("c", "job", { at: 60, ms: 30 }),
      ],
      ...[child("d", "c", { at: 60, ms: 20 }), job()],
    ],
  });
  const self = Object.fromEntries(jobs[0]!.spans.map(({ name, selfMs }) => [name, round(selfMs)]));
  assert.deepEqual(self, { a: 30, b: 30, d: 20, process: 20, c: 10 });
  const [{ steps }] = jobs[0]!.criticalPath as [(typeof jobs)[0]["criticalPath"][0]];
  assert.deepEqual(Object.fromEntries(steps.map(({ name, ms }) => [name, round(ms)])), {
    b: 30,
    a: 20,
    d: 20,
    process: 20,
    c: 10,
  });
  assert.equal(round(steps.reduce((sum, { share }) => sum + share, 0)), 1);
});

test("analyze() keeps a trace whose job comes late, and hands it on whole", async () => {
  const enqueue = child("add", "", {
    at: -50,
    ms: 1,
    kind: SpanKind.PRODUCER,
    attributes: { [names.MESSAGING_SYSTEM]: "bullmq" },
  });
  const others = Array.from({ length: 1_000 }, (_, index) =>
    testSpan({ from: BEGIN_MS, ms: 1, traceId: `other${index}` }),
  );
  const open = { quietSpans: 10 };
  const { jobs, notMeasured } = await analyze({ spans: [enqueue, ...others, job({ parentSpanId: "add" })], open });
  // 50 ms from the enqueue's start, which took 1 ms.
  assert.equal(round(jobs[0]!.parts.wait!.max), 49);
  assert.ok(notMeasured.some(({ what }) => what === "intended delays"));
});

test("analyze() is bounded in open spans, and says when that cut traces", async () => {
  const spans = Array.from({ length: 500 }, (_, index) => child(`s${index}`, "job", { at: 0, ms: 10 }));
  const report = await analyze({ spans: [...spans, job()], open: { mostSpansOfTrace: 100 } });
  assert.equal(report.jobs[0]?.count, 1);
  assert.ok(missing(report).includes("whole traces"));
});

test("analyze() reads jobs of other instrumentations", async () => {
  const appsignal = job({
    startNs: BigInt(BEGIN_MS) * 1_000_000n,
    attributes: {
      ...{
        "messaging.operation.type": "process",
        "messaging.destination.name": "q",
        "messaging.bullmq.job.name": "mail",
      },
      ...{
        "messaging.bullmq.job.timestamp": BEGIN_MS - 500,
        "messaging.bullmq.job.delay": 100,
        "messaging.bullmq.job.attempts": 0,
      },
      "messaging.bullmq.worker.concurrency": 7,
    },
  });
  const bullmqOtel = job({
    traceId: "t2",
    attributes: { "bullmq.job.name": "mail", "bullmq.queue.name": "q" },
    events: [{ name: "job failed", timeNs: 0n, attributes: {} }],
  });
  const receive = job({ traceId: "t3", attributes: { "messaging.operation.type": "receive" } });
  const { jobs, notMeasured } = await analyze({ spans: [appsignal, bullmqOtel, receive] });
  assert.deepEqual(
    jobs.map(({ name, queue, count, failed }) => [name, queue, count, failed]),
    [["mail", "q", 2, 1]],
  );
  assert.equal(jobs[0]?.parts.wait?.max, 400);
  assert.deepEqual(jobs[0]?.bars[0]?.parts, { wait: 400 });
  assert.ok(
    notMeasured.some(({ what, reason }) => what === "where the time of a run went" && reason.startsWith("2 of 2")),
  );
  assert.ok(!notMeasured.some(({ what }) => what === "the worker's concurrency"));
});

test("analyze() keeps types apart up to a number, and jobs of one name by their queue", async () => {
  const of = (index: number, queue: string, name: string) =>
    job({
      traceId: `t${index}`,
      attributes: {
        "messaging.operation.type": "process",
        "bullmq.job.name": name,
        "messaging.destination.name": queue,
      },
    });
  const two = await analyze({ spans: [of(1, "a", "mail"), of(2, "b", "mail")] });
  assert.deepEqual(
    two.jobs.map(({ name }) => name),
    ["mail (a)", "mail (b)"],
  );
  const many = await analyze({ spans: Array.from({ length: 500 }, (_, index) => of(index, "q", `job-${index}`)) });
  assert.equal(many.jobs.length, 101);
  assert.equal(
    many.jobs.reduce((sum, { count }) => sum + count, 0),
    500,
  );
});

test("analyze() draws the worker's metrics, lanes and functions", async () => {
  const report = await analyze(
    testRun({
      jobs: [{ name: "work", count: 50, everyMs: 100, parts: { wait: 5, cpu: 40, idle: 120 } }],
      busy: 0.4,
      metrics: {
        [names.HEAP_SPACE_USED]: (second) => second * 1e6,
        [names.HEAP_LIMIT]: 100e6,
        [names.ACTIVE_JOBS]: 1.6,
      },
      samples: [
        ...testSamples("work", [
          [30, "run", "parse"],
          [10, "run", "write"],
        ]),
        { values: { cpu: 5e6 }, labels: {}, stack: [{ name: "(idle)", file: "", line: 0 }] },
        { values: { inuse_space: 5e6 }, labels: {}, stack: [{ name: "keep", file: "", line: 0 }] },
      ],
    }),
  );
  const heap = report.timeline.series.find(({ name }) => name === "heap in use");
  assert.deepEqual([heap?.limit, heap?.values.slice(0, 4)], [100, [0, 1, 2, 3]]);
  assert.equal(report.timeline.lanes.length, 50);
  assert.equal(Math.max(...report.timeline.lanes.map(({ lane }) => lane)), 1);
  assert.deepEqual(
    report.flames?.map(({ job, root }) => [job, root.totalMs]),
    [["work", 40]],
  );
  assert.deepEqual(
    report.jobs[0]?.functions?.map(({ name, share }) => [name, share]),
    [
      ["parse", 0.75],
      ["write", 0.25],
      ["run", 0],
    ],
  );
  assert.deepEqual(
    report.laws?.map(({ name, agrees }) => [name, agrees]),
    [
      ["Little's law", true],
      ["slots", true],
      ["utilisation law", true],
    ],
  );
  assert.equal(report.verdict, "No bottleneck shown");
});

test("analyze() finds a full thread by the event loop alone where jobs have no ledger", async () => {
  const run = (busy: number) =>
    testRun({
      jobs: [{ name: "work", count: 60, everyMs: 100, parts: { cpu: 380 }, withLedger: false, enqueueMs: 1 }],
      busy,
    });
  const waiting = (busy: number) => {
    const input = run(busy);
    // The wait is that from the enqueue span: move it away.
    const spans = [...(input.spans as Span[])].map((span) =>
      span.kind === SpanKind.PRODUCER
        ? { ...span, startNs: span.startNs - 2_000_000_000n, endNs: span.endNs - 2_000_000_000n }
        : span,
    );
    return analyze({ ...input, spans });
  };
  assert.equal((await waiting(0.98)).findings[0]?.rule, "cpu-bound");
  assert.equal((await waiting(0.3)).findings[0]?.rule, "concurrency-too-low");
  assert.equal((await analyze(run(0.3))).verdict, "No bottleneck shown");
});

test("analyzeJobs() gives single values: all, or a random sample that is the same each time", async () => {
  const input = () => testRun({ jobs: [{ name: "work", count: 6_000, everyMs: 10, parts: { wait: 1, cpu: 5 } }] });
  const { report, values } = await analyzeJobs(input());
  assert.equal(values.get("work")?.length, 5_000);
  assert.deepEqual(
    [report.jobs[0]?.count, report.jobs[0]?.total.samples, report.timeline.omitted],
    [6_000, 6_000, 4_000],
  );
  assert.deepEqual((await analyzeJobs(input())).values, values);
});

// POST 0..10
// └─ add 5..8                  (enqueues A)
//    └─ A 20..120
//       └─ add 30..32          (enqueues B)
//          └─ B 200..300
//             └─ query 210..250
test("analyze() keeps a job apart from the jobs that it starts", async () => {
  const queue = { [names.MESSAGING_SYSTEM]: "bullmq" };
  const of = (name: string) => ({ [names.MESSAGING_OPERATION_TYPE]: "process", [names.BULLMQ_JOB_NAME]: name });
  const { jobs, traces } = await analyze({
    spans: [
      child("post", "", { at: 0, ms: 10, kind: SpanKind.SERVER }),
      child("add A", "post", { at: 5, ms: 3, kind: SpanKind.PRODUCER, attributes: queue }),
      job({ spanId: "A", parentSpanId: "add A", name: "A", attributes: of("A") }, BEGIN_MS + 20),
      child("add B", "A", { at: 30, ms: 2, kind: SpanKind.PRODUCER, attributes: queue }),
      job({ spanId: "B", parentSpanId: "add B", name: "B", attributes: of("B") }, BEGIN_MS + 200),
      child("query", "B", { at: 210, ms: 40, kind: SpanKind.CLIENT }),
    ],
  });
  const spans = Object.fromEntries(jobs.map(({ name, spans }) => [name, spans.map((each) => each.name).sort()]));
  assert.deepEqual(spans, { A: ["A", "add B"], B: ["B", "query"] });
  assert.deepEqual(jobs.map(({ downstream }) => downstream.length).sort(), [0, 1]);
  // The waterfall of B shows the way to it.
  const shown = traces.find(({ job }) => job === "B")!.spans.map(({ name }) => name);
  assert.deepEqual(shown, ["post", "add A", "A", "add B", "B", "query"]);
});
