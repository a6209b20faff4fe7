import assert from "node:assert/strict";
import { test } from "node:test";
import { brokenThresholds } from "./broken_thresholds.ts";
import { type AnalyzedRun, compareRuns } from "./compare_runs.ts";
import { seededRandom } from "./random.ts";
import type { JobType, Report } from "./report.ts";

interface RunOptions {
  jobs?: number;
  /** CPU of a job, ms. */
  cpuMs?: number;
  seed?: number;
  functions?: JobType["functions"];
}

/** A run of jobs whose CPU time scatters by a tenth around `cpuMs`, and as much of waiting for something. */
function run(id: string, { jobs = 200, cpuMs = 50, seed = 1, functions }: RunOptions = {}): AnalyzedRun {
  const random = seededRandom(seed);
  const records = Array.from({ length: jobs }, () => {
    const cpu = cpuMs * (0.9 + 0.2 * random());
    const idle = 40 + 20 * random();
    return { totalMs: cpu + idle + 5, parts: { run: cpu + idle, cpu, idle }, path: [] };
  });
  const job = { name: "review", count: jobs, ...(functions ? { functions } : {}) };
  const report = { run: { id }, jobs: [job] } as unknown as Report; // what a comparison reads of it
  return { report, values: new Map([["review", records]]) };
}

const code = (name: string, selfMs: number, line = 1) => ({
  name,
  file: "a.ts",
  line,
  selfMs,
  totalMs: selfMs,
  share: 0,
});

test("compareRuns() shows no difference between two runs of one kind, and one where there is one", () => {
  const [before, same, slower] = [run("a"), run("b", { seed: 2 }), run("c", { seed: 3, cpuMs: 55 })];
  assert.equal(compareRuns(before, same).verdict, "No difference shown");
  const { verdict, jobs } = compareRuns(before, slower);
  assert.match(verdict, /^review: (median|p95) of cpu is (9|10|11) % more$/);
  const [cpu] = jobs[0]?.figures.filter(({ of, what }) => of === "cpu" && what === "median") ?? [];
  assert.ok(cpu && cpu.from > 0 && cpu.from < 0.1 && cpu.until > 0.1, JSON.stringify(cpu));
  assert.match(compareRuns(slower, before).verdict, / % less$/);
});

test("compareRuns() names functions that differ by more than chance, wherever they stand in their file", () => {
  const before = run("a", { functions: [code("parse", 4_000), code("lint", 2_000), code("rare", 20)] });
  const after = run("b", {
    functions: [code("parse", 4_100), code("lint", 3_000, 9), code("rare", 40), code("new", 900)],
  });
  const [job] = compareRuns(before, after).jobs;
  assert.deepEqual(
    job?.functions.map(({ name, a, b }) => [name, a, b]),
    [
      ["lint", 10, 15],
      ["new", 0, 4.5],
    ],
  );
});

test("compareRuns() says what it cannot compare", () => {
  const few = compareRuns(run("a"), run("b", { jobs: 19 }));
  assert.match(few.verdict, /^Nothing can be said/);
  assert.deepEqual(few.notMeasured, [{ what: "differences of review", reason: "a run has 19, 20 are needed" }]);
  const other: AnalyzedRun = { report: run("b").report, values: new Map([["other", run("b").values.get("review")!]]) };
  assert.deepEqual(
    compareRuns(run("a"), other).notMeasured.map(({ what }) => what),
    ["differences of review", "differences of other"],
  );
});

test("brokenThresholds() names each, and passes nothing that was not measured", () => {
  const percentiles = (mean: number, p95: number) => ({ samples: 9, mean, p50: mean, p95, p99: p95, max: p95 });
  const report = (parts: object) =>
    ({ jobs: [{ name: "review", total: percentiles(100, 200), parts }] }) as unknown as Report;
  const measured = report({ cpu: percentiles(40, 80), gc: percentiles(10, 20) });
  assert.deepEqual(brokenThresholds(measured, {}), []);
  assert.deepEqual(brokenThresholds(measured, { p95Ms: 200, cpuMs: 50 }), []);
  assert.deepEqual(brokenThresholds(measured, { p95Ms: 199, cpuMs: 49 }), [
    "MAX_P95_MS: review takes 200 ms at p95, more than 199",
    "MAX_CPU_MS: review takes 50 ms of CPU a job, more than 49",
  ]);
  assert.match(brokenThresholds(report({}), { cpuMs: 1 }).join(), /was not measured/);
  assert.deepEqual(brokenThresholds({ jobs: [] } as unknown as Report, { p95Ms: 1 }), ["no job was measured"]);
});
