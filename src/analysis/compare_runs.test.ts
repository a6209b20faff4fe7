import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnalyzedRun, compareRuns } from "./compare_runs.ts";
import { CPU_OF_THREAD } from "./laws.ts";
import { seededRandom } from "./random.ts";
import type { JobType, Report } from "./report.ts";

interface RunOptions {
  jobs?: number;
  /** CPU of a job, ms. */
  cpuMs?: number;
  seed?: number;
  functions?: JobType["functions"];
  /** How much of the time in which the thread is busy it has a CPU: the wall clock shows the rest as JavaScript. */
  cpuShare?: number;
}

/** A run of jobs whose CPU time scatters by a tenth around `cpuMs`, and as much of waiting for something. */
function run(id: string, { jobs = 200, cpuMs = 50, seed = 1, functions, cpuShare }: RunOptions = {}): AnalyzedRun {
  const random = seededRandom(seed);
  const records = Array.from({ length: jobs }, (_, startMs) => {
    const cpuTimeMs = cpuMs * (0.9 + 0.2 * random());
    const cpu = cpuTimeMs / (cpuShare ?? 1);
    const idle = 40 + 20 * random();
    return {
      startMs,
      totalMs: cpu + idle + 5,
      parts: { run: cpu + idle, cpu, idle },
      path: [],
      ...(cpuShare ? { cpuTimeMs } : {}),
    };
  });
  const job = { name: "review", count: jobs, parts: {}, ...(functions ? { functions } : {}) };
  const laws = cpuShare ? [{ name: CPU_OF_THREAD, expected: 100, measured: 100 * cpuShare }] : [];
  const report = { run: { id }, jobs: [job], laws } as unknown as Report; // what a comparison reads of it
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
  const { verdict, jobs, notMeasured } = compareRuns(before, slower);
  assert.match(verdict, /^review: (trimmed mean|p95) of cpu is (9|10|11) % more$/);
  assert.deepEqual(
    notMeasured.map(({ what }) => what),
    ["CPU time of review"],
  );
  const [cpu] = jobs[0]?.figures.filter(({ of, what }) => of === "cpu" && what === "trimmed mean") ?? [];
  assert.ok(cpu && cpu.from > 0 && cpu.from < 0.1 && cpu.until > 0.1, JSON.stringify(cpu));
  assert.match(compareRuns(slower, before).verdict, / % less$/);
});

test("compareRuns() takes CPU time where it is known, and nothing else of a machine that was not the same", () => {
  const [quiet, busy, more] = [
    run("a", { cpuShare: 0.95 }),
    run("b", { cpuShare: 0.4, seed: 2 }),
    run("c", { cpuShare: 0.4, seed: 3, cpuMs: 55 }),
  ];
  const same = compareRuns(quiet, busy);
  assert.equal(same.verdict, "No difference of CPU shown");
  assert.match(same.machine ?? "", /the busy main thread had a CPU for 95 % of the time in A and 40 % in B$/);
  assert.ok(same.jobs[0]?.figures.some(({ of, verdict }) => of === "run" && verdict === "more"));
  assert.deepEqual(same.notMeasured, []);
  assert.match(compareRuns(quiet, more).verdict, /^review: (trimmed mean|p95) of cpu is (9|10|11) % more$/);
  assert.equal(compareRuns(busy, more).machine, undefined);
  for (const record of busy.values.get("review")!.slice(0, 30)) delete record.cpuTimeMs;
  assert.match(compareRuns(quiet, busy).verdict, /^Nothing can be said: the machine was not the same/);
  const throttled = structuredClone(more.report);
  Object.assign(throttled.jobs[0]!.parts, { cpu: { mean: 50 }, throttled: { mean: 60 } });
  assert.equal(compareRuns(quiet, { ...more, report: throttled }).machine, undefined, "its own quota is why");
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

test("compareRuns() takes a function that is not among those with the most for the last of them", () => {
  const most = Array.from({ length: 15 }, (_, index) => code(`f${index}`, 4_000 - 10 * index));
  const before = run("a", { functions: [...most.slice(0, 14), code("known", 3_900)] });
  assert.deepEqual(compareRuns(before, run("b", { functions: most })).jobs[0]?.functions, []);
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
