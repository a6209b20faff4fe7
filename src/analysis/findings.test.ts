import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestChild, type TestJobs, type TestRun, testRun, testSamples } from "../../test/example_run.ts";
import { workerPoints } from "../../test/example_worker_facts.ts";
import type { LoadSummary } from "../load_summary.ts";
import { SpanKind } from "../otlp/types.ts";
import type { Percentiles } from "../percentiles.ts";
import * as names from "../telemetry/names.ts";
import { type AnalysisInput, analyze } from "./analyze.ts";
import type { Parts } from "./report.ts";

const percentiles = (ms: number): Percentiles => ({ samples: 100, mean: ms, p50: ms, p95: ms, p99: ms, max: ms });
const load = (more: Partial<LoadSummary>): LoadSummary => ({
  ...{
    kind: "open",
    description: "test",
    sent: 100,
    completed: 100,
    failed: 0,
    unfinished: 0,
    throughputPerSecond: 10,
  },
  ...{ total: percentiles(300), request: percentiles(5), ...more },
});
const jobs = (parts: Parts, more: Partial<TestJobs> = {}): TestJobs => {
  return { name: "work", count: 100, everyMs: 100, parts, ...more };
};
const call = (at: number, ms: number): TestChild => {
  const attributes = { "http.request.method": "GET", "server.address": "payments.example" };
  return { name: "GET", at, ms, kind: SpanKind.CLIENT, attributes };
};
const calls = (count: number, ms: number) => Array.from({ length: count }, (_, index) => call(index * ms, ms));

interface Case {
  rule: string;
  sick: TestRun;
  /** The same worker without the bottleneck. */
  healthy: TestRun;
  title: RegExp;
  /** The predicted gain; `undefined`: it cannot be predicted. */
  gain: { what: string; ratio: number } | undefined;
}

const cases: Record<string, Case> = {
  "code that takes the thread": {
    rule: "cpu-bound",
    title: /CPU-bound code: parse takes 60 % of the CPU time of work/,
    // 71 of 120 ms of the thread a job.
    sick: {
      jobs: [jobs({ wait: 900, cpu: 118, gc: 2, blocked: 360 }, { count: 300, everyMs: 120 })],
      busy: 1,
      samples: testSamples("work", [
        [600, "process", "handle", "parse"],
        [400, "process", "store"],
      ]),
    },
    healthy: { jobs: [jobs({ wait: 4, cpu: 22, gc: 2, idle: 10 }, { everyMs: 120 })], busy: 0.2 },
    gain: { what: "throughput", ratio: 1.44 },
  },
  "long CPU without a queue": {
    rule: "cpu-bound",
    title: /CPU-bound code: work takes 40\d ms of CPU a job/,
    sick: { jobs: [jobs({ wait: 5, cpu: 400, idle: 20 }, { everyMs: 1_000 })], busy: 0.4 },
    healthy: { jobs: [jobs({ wait: 5, cpu: 80, idle: 20 }, { everyMs: 1_000 })], busy: 0.1 },
    gain: undefined,
  },
  "neighbours that block": {
    rule: "blocked-by-neighbours",
    title: /mail is blocked for \d\d % of its time by report/,
    sick: {
      jobs: [
        jobs({ wait: 10, cpu: 2, blocked: 150, idle: 30 }, { name: "mail" }),
        jobs({ wait: 5, cpu: 400, idle: 1 }, { name: "report", count: 10, everyMs: 1_000 }),
      ],
      busy: 0.45,
      metrics: { [names.EVENT_LOOP_DELAY_MAX]: 0.42 },
    },
    healthy: {
      jobs: [
        jobs({ wait: 10, cpu: 2, blocked: 5, idle: 30 }, { name: "mail" }),
        jobs({ wait: 5, cpu: 80, idle: 1 }, { name: "report", count: 10, everyMs: 1_000 }),
      ],
      busy: 0.1,
      metrics: { [names.EVENT_LOOP_DELAY_MAX]: 0.1 },
    },
    gain: { what: "p95", ratio: 0.82 },
  },
  "a neighbour behind which jobs are not fetched": {
    rule: "blocked-by-neighbours",
    title: /mail is blocked for 7\d % of its time by report/,
    sick: {
      jobs: [
        jobs({ wait: 90, cpu: 3, blocked: 18, idle: 25 }, { name: "mail" }),
        jobs({ wait: 5, cpu: 300, idle: 1 }, { name: "report", count: 10, everyMs: 1_000 }),
      ],
      busy: 0.48,
      metrics: { [names.EVENT_LOOP_DELAY_MAX]: 0.32 },
    },
    healthy: {
      jobs: [
        jobs({ wait: 10, cpu: 3, blocked: 5, idle: 25 }, { name: "mail" }),
        jobs({ wait: 5, cpu: 80, idle: 1 }, { name: "report", count: 10, everyMs: 1_000 }),
      ],
      busy: 0.1,
      metrics: { [names.EVENT_LOOP_DELAY_MAX]: 0.1 },
    },
    gain: { what: "p95", ratio: 0.78 },
  },
  "garbage collection": {
    rule: "garbage-collection",
    title: /Garbage collection takes 40 % of the thread's time/,
    sick: { jobs: [jobs({ wait: 800, cpu: 60, gc: 40, blocked: 300 })], busy: 1 },
    healthy: { jobs: [jobs({ wait: 8, cpu: 60, gc: 3, idle: 10 })], busy: 0.65 },
    gain: { what: "throughput", ratio: 0.66 },
  },
  "a heap that is nearly full": {
    rule: "heap-near-limit",
    title: /The heap is nearly full: 93 % of its limit/,
    sick: {
      jobs: [jobs({ wait: 800, cpu: 60, gc: 40, blocked: 300 })],
      busy: 1,
      metrics: { [names.HEAP_LIMIT]: 500e6, [names.HEAP_SPACE_USED]: 465e6 },
    },
    healthy: {
      jobs: [jobs({ wait: 8, cpu: 60, gc: 3, idle: 10 })],
      busy: 0.65,
      metrics: { [names.HEAP_LIMIT]: 500e6, [names.HEAP_SPACE_USED]: 165e6 },
    },
    gain: { what: "throughput", ratio: 0.66 },
  },
  "a quota that is used up": {
    rule: "quota-throttling",
    title: /The CPU quota is used up: the thread stands still for 50 %/,
    sick: {
      jobs: [jobs({ wait: 800, cpu: 50, throttled: 50, blocked: 300 }, { count: 300 })],
      busy: 1,
      metrics: {
        ...{ [names.CGROUP_CPU_LIMIT]: 0.5, [names.CGROUP_CPU_PERIODS]: (second) => 10 * second },
        [names.CGROUP_CPU_THROTTLED_PERIODS]: (second) => 9 * second,
      },
    },
    healthy: {
      jobs: [jobs({ wait: 8, cpu: 50, throttled: 1, idle: 5 })],
      busy: 0.5,
      metrics: {
        ...{ [names.CGROUP_CPU_LIMIT]: 2, [names.CGROUP_CPU_PERIODS]: (second) => 10 * second },
        [names.CGROUP_CPU_THROTTLED_PERIODS]: (second) => 0.1 * second,
      },
    },
    gain: { what: "throughput", ratio: 1 },
  },
  "a slow downstream": {
    rule: "slow-downstream",
    title: /work waits for GET payments.example: 400 ms at p50/,
    sick: { jobs: [jobs({ wait: 5, cpu: 5, idle: 415 }, { everyMs: 150, children: [call(5, 400)] })], busy: 0.05 },
    healthy: { jobs: [jobs({ wait: 5, cpu: 5, idle: 35 }, { everyMs: 150, children: [call(5, 20)] })], busy: 0.05 },
    gain: { what: "p95", ratio: 0.91 },
  },
  "a slow downstream, with a queue": {
    rule: "slow-downstream",
    title: /work waits for GET payments.example/,
    sick: { jobs: [jobs({ wait: 2_000, cpu: 5, idle: 415 }, { everyMs: 106, children: [call(5, 400)] })], busy: 0.05 },
    healthy: { jobs: [jobs({ wait: 5, cpu: 5, idle: 35 }, { everyMs: 106, children: [call(5, 20)] })], busy: 0.05 },
    gain: { what: "p95", ratio: 0.95 },
  },
  "a wait that has no span": {
    rule: "slow-downstream",
    title: /work waits in process work for something that has no span/,
    sick: { jobs: [jobs({ wait: 5, cpu: 5, idle: 415 }, { everyMs: 150 })], busy: 0.05 },
    healthy: { jobs: [jobs({ wait: 5, cpu: 5, idle: 60 }, { everyMs: 150 })], busy: 0.05 },
    gain: { what: "p95", ratio: 0.97 },
  },
  "calls in a loop": {
    rule: "n-plus-one",
    title: /work does GET payments.example 40 times a job/,
    sick: { jobs: [jobs({ wait: 5, cpu: 10, idle: 240 }, { children: calls(40, 6) })], busy: 0.1 },
    healthy: { jobs: [jobs({ wait: 5, cpu: 10, idle: 40 }, { children: calls(2, 6) })], busy: 0.1 },
    gain: { what: "p95", ratio: 0.9 },
  },
  "too few at once": {
    rule: "concurrency-too-low",
    title: /Concurrency 1 is too low/,
    sick: {
      jobs: [jobs({ wait: 3_000, cpu: 5, idle: 90 })],
      concurrency: 1,
      busy: 0.06,
      load: load({ ratePerSecond: 40 }),
    },
    healthy: { jobs: [jobs({ wait: 6, cpu: 5, idle: 90 }, { everyMs: 25 })], concurrency: 8, busy: 0.25 },
    gain: { what: "throughput", ratio: 3 },
  },
  "too many at once": {
    rule: "concurrency-too-high",
    title: /Concurrency 50 is too high: 9 jobs at once keep the thread busy/,
    // 20 ms of the thread and 100 ms of I/O: six at once fill it.
    sick: {
      jobs: [jobs({ wait: 300, cpu: 20, blocked: 850, overlapped: 97 }, { count: 500, everyMs: 20 })],
      concurrency: 50,
      busy: 0.99,
    },
    healthy: {
      jobs: [jobs({ wait: 6, cpu: 20, blocked: 18, idle: 97 }, { count: 500, everyMs: 29 })],
      concurrency: 6,
      busy: 0.72,
    },
    gain: undefined,
  },
  "attempts that fail": {
    rule: "retries",
    title: /25 % of the attempts fail and most are tried again: 25 % of the work is lost/,
    sick: { jobs: [jobs({ wait: 900, cpu: 98, blocked: 290 }, { failEvery: 4 })], busy: 1 },
    healthy: { jobs: [jobs({ wait: 6, cpu: 50, blocked: 5, idle: 20 }, { failEvery: 40 })], busy: 0.5 },
    gain: { what: "throughput", ratio: 0.33 },
  },
  "an old generation that is full beside an empty young one": {
    rule: "heap-near-limit",
    title: /The heap is nearly full: 79 % of its limit/,
    sick: {
      ...{ jobs: [jobs({ wait: 5, cpu: 60, gc: 40, idle: 5 })], busy: 0.9 },
      metrics: {
        [names.HEAP_SPACE_USED]: 134e6,
        [names.HEAP_LIMIT]: 170e6,
        [names.GC_DURATION]: (second) => 0.35 * second,
      },
    },
    healthy: {
      ...{ jobs: [jobs({ wait: 5, cpu: 60, idle: 5 })], busy: 0.5 },
      metrics: { [names.HEAP_SPACE_USED]: 134e6, [names.HEAP_LIMIT]: 170e6, [names.GC_DURATION]: 0 },
    },
    gain: { what: "p95", ratio: 0.35 },
  },
  "a slow store": {
    rule: "slow-store",
    title: /The queue store is slow: 120 ms a job/,
    sick: { jobs: [jobs({ wait: 90, cpu: 5, idle: 30 }, { storeMs: 120, enqueueMs: 60, requestMs: 65 })], busy: 0.1 },
    healthy: { jobs: [jobs({ wait: 9, cpu: 5, idle: 30 }, { storeMs: 20, enqueueMs: 10, requestMs: 15 })], busy: 0.1 },
    gain: { what: "p95", ratio: 0.84 },
  },
  "a slow store that keeps the slots": {
    rule: "slow-store",
    title: /The queue store is slow: 60 ms a job/,
    sick: {
      ...{ jobs: [jobs({ wait: 3_000, cpu: 5, idle: 10 }, { storeMs: 60, everyMs: 20 })], busy: 0.3 },
      load: load({ kind: "closed" }),
    },
    healthy: { jobs: [jobs({ wait: 9, cpu: 5, idle: 10 }, { storeMs: 5, everyMs: 20 })], busy: 0.3 },
    gain: { what: "p95", ratio: 0.8 },
  },
  "a slow API": {
    rule: "slow-api",
    title: /The API is slow: 500 ms at p50 before the answer/,
    sick: {
      jobs: [jobs({ wait: 6, cpu: 5, idle: 30 }, { requestMs: 500 })],
      busy: 0.1,
      load: load({ total: percentiles(560) }),
    },
    healthy: { jobs: [jobs({ wait: 6, cpu: 5, idle: 30 }, { requestMs: 30 })], busy: 0.1, load: load({}) },
    gain: { what: "p95", ratio: 0.89 },
  },
  "a slow enqueue": {
    rule: "slow-api",
    title: /Enqueueing is slow: 480 ms at p50 of a request's 500 ms/,
    sick: { jobs: [jobs({ wait: 6, cpu: 5, idle: 30 }, { requestMs: 500, enqueueMs: 480 })], busy: 0.1 },
    healthy: { jobs: [jobs({ wait: 6, cpu: 5, idle: 30 }, { requestMs: 30, enqueueMs: 20 })], busy: 0.1 },
    gain: undefined,
  },
};

for (const [what, { rule, sick, healthy, title, gain }] of Object.entries(cases)) {
  test(`analyze() finds ${what} first, and nothing in the healthy twin`, async () => {
    const { findings, verdict, traces } = await analyze(testRun(sick));
    const [first] = findings;
    assert.equal(first?.rule, rule, verdict);
    assert.match(verdict, title);
    assert.ok(first.explainsMs > 0 && first.samples >= 10 && first.figures.length > 0 && first.evidence.length > 0);
    if (gain && first.gain.predicted) {
      assert.equal(first.gain.what, gain.what, first.gain.formula);
      const error = Math.abs(first.gain.ratio / gain.ratio - 1);
      assert.ok(error < 0.05, `${first.gain.ratio} ${first.gain.formula}`);
    } else assert.equal(first.gain.predicted, gain !== undefined, JSON.stringify(first.gain));
    for (const { evidence } of findings) {
      for (const each of evidence) {
        if (each.kind !== "span") continue;
        const trace = traces.find(({ traceId }) => traceId === each.traceId);
        assert.ok(
          trace?.spans.some(({ spanId }) => spanId === each.spanId),
          "the evidence can be looked at",
        );
      }
    }
    const twin = await analyze(testRun(healthy));
    assert.deepEqual(
      twin.findings.map(({ title }) => title),
      [],
    );
    assert.equal(twin.verdict, "No bottleneck shown");
  });
}

test("analyze() says that a run proves nothing when the load generator was late, and nothing else", async () => {
  const sick: TestRun = { jobs: [jobs({ wait: 900, cpu: 98, blocked: 290 })], busy: 1 };
  const late = load({ lateness: percentiles(400) });
  const { findings, verdict } = await analyze(testRun({ ...sick, load: late }));
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ["load-generator-saturated"],
  );
  assert.match(verdict, /proves nothing/);
  const onTime = await analyze(testRun({ ...sick, load: load({ lateness: percentiles(2) }) }));
  assert.equal(onTime.findings[0]?.rule, "cpu-bound");
});

test("analyze() warns of stalled jobs when blocks last as long as a lock without its renewal", async () => {
  const blocked = async (seconds: number, sent: TestRun["metrics"] = {}, recorded: object = {}) => {
    const run = testRun({
      jobs: [
        jobs({ wait: 10, cpu: 2, blocked: 150, idle: 30 }, { name: "mail" }),
        jobs({ cpu: 400 }, { name: "report", count: 10, everyMs: 1_000 }),
      ],
      metrics: { [names.EVENT_LOOP_DELAY_MAX]: seconds, ...sent },
    });
    const { findings } = await analyze({ ...run, description: { ...run.description, ...recorded } });
    return findings[0]!.detail;
  };
  assert.match(await blocked(16), /stalled/);
  assert.doesNotMatch(await blocked(14), /stalled/);
  // As the worker has sent it, whatever stands in run.json.
  const sent = { [names.WORKER_LOCK_DURATION]: 15, [names.WORKER_LOCK_RENEW_TIME]: 2 };
  const other = { lockMs: 5_000, lockRenewMs: 1_000 };
  assert.match(await blocked(13.1, sent, other), /A lock lasts 15 s and is renewed every 2 s: .*stalled/);
  assert.doesNotMatch(await blocked(12.9, sent, other), /stalled/);
  assert.match(await blocked(4.1, {}, other), /A lock lasts 5 s and is renewed every 1 s: .*stalled/);
  assert.match(await blocked(1, { [names.WORKER_LOCKS_LOST]: (second) => Number(second > 4) }), /happened once in/);
  assert.doesNotMatch(await blocked(1, { [names.WORKER_LOCKS_LOST]: 3 }), /stalled|happened/); // all before
});

test("analyze() takes the concurrency that the worker has sent, over its queues, before what run.json says", async () => {
  const run = testRun({ jobs: [jobs({ wait: 6, cpu: 5, idle: 90 })], concurrency: 4 });
  const concurrencyOf = async (input: AnalysisInput) =>
    (await analyze(input)).laws?.find(({ formula }) => formula.includes("concurrency"))?.expected;
  assert.equal(await concurrencyOf(run), 4);
  const queues = { mails: { concurrency: 5 }, reports: { concurrency: 3 } };
  const points = workerPoints({ instance: "worker-1", second: 1.8e9 + 1, queues });
  assert.equal(await concurrencyOf({ ...run, points }), 8);
  const { concurrency, ...description } = run.description;
  const unknown = { ...run, description };
  assert.ok((await analyze(unknown)).notMeasured.some(({ what }) => what === "the worker's concurrency"));
  assert.equal(await concurrencyOf(unknown), undefined);
});

test("analyze() does not blame garbage or the quota for what they take of any busy thread", async () => {
  const { findings } = await analyze(
    testRun({ jobs: [jobs({ wait: 900, cpu: 88, gc: 8, throttled: 4, blocked: 300 })], busy: 1 }),
  );
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ["cpu-bound"],
  );
});
