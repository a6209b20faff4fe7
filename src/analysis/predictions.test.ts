import assert from "node:assert/strict";
import { test } from "node:test";
import { testSamples } from "../../test/example_run.ts";
import { simulate, type WorkerModel } from "../../test/example_worker.ts";
import { analyze } from "./analyze.ts";

interface Case {
  rule: string;
  sick: WorkerModel;
  /** The same worker after what the finding recommends. */
  repaired: WorkerModel;
  /** Whose p95 is predicted. @default all */
  type?: string;
  /** Functions of the profile of `work`, and their CPU time. */
  profile?: Parameters<typeof testSamples>[1];
}

const one = (...steps: WorkerModel["types"][string]["steps"]) => ({ work: { steps } });
const repeat = (count: number, callMs: number) => Array.from({ length: count }, () => ({ callMs }));

const cases: Record<string, Case> = {
  "half of the CPU, all jobs at once": {
    rule: "cpu-bound",
    sick: { types: one({ cpuMs: 30 }, { callMs: 20 }, { cpuMs: 30 }), concurrency: 4 },
    repaired: { types: one({ cpuMs: 30 }, { callMs: 20 }), concurrency: 4 },
    profile: [
      [30, "run", "hash"],
      [30, "run", "render"],
    ],
  },
  "CPU of jobs that come one by one": {
    rule: "cpu-bound",
    sick: { types: one({ cpuMs: 300 }, { callMs: 20 }), concurrency: 4, rate: 0.5, jobs: 200 },
    repaired: { types: one({ cpuMs: 75 }, { callMs: 20 }), concurrency: 4, rate: 0.5, jobs: 200 },
    profile: [
      [75, "run", "render", "draw"],
      [225, "run", "hash"],
    ],
  },
  garbage: {
    rule: "garbage-collection",
    sick: { types: one({ cpuMs: 30, gcMs: 15 }, { callMs: 20 }), concurrency: 4 },
    repaired: { types: one({ cpuMs: 30 }, { callMs: 20 }), concurrency: 4 },
  },
  "the quota": {
    rule: "quota-throttling",
    sick: { types: one({ cpuMs: 30, throttledMs: 25 }, { callMs: 20 }), concurrency: 4 },
    repaired: { types: one({ cpuMs: 30 }, { callMs: 20 }), concurrency: 4 },
  },
  "one slot for calls": {
    rule: "concurrency-too-low",
    sick: { types: one({ cpuMs: 3 }, { callMs: 80 }, { cpuMs: 3 }), concurrency: 1 },
    repaired: { types: one({ cpuMs: 3 }, { callMs: 80 }, { cpuMs: 3 }), concurrency: 8 },
  },
  "two slots for what is offered": {
    rule: "concurrency-too-low",
    sick: { types: one({ cpuMs: 2 }, { callMs: 80 }, { cpuMs: 2 }), concurrency: 2, rate: 60, jobs: 1_000 },
    repaired: { types: one({ cpuMs: 2 }, { callMs: 80 }, { cpuMs: 2 }), concurrency: 8, rate: 60, jobs: 1_000 },
  },
  "a slow call, all jobs at once": {
    rule: "slow-downstream",
    sick: { types: one({ cpuMs: 2 }, { callMs: 500 }, { cpuMs: 2 }), concurrency: 4 },
    repaired: { types: one({ cpuMs: 2 }, { callMs: 25 }, { cpuMs: 2 }), concurrency: 4 },
  },
  "a slow call, a rate that is too high for it": {
    rule: "slow-downstream",
    sick: { types: one({ cpuMs: 2 }, { callMs: 500 }, { cpuMs: 2 }), concurrency: 4, rate: 20 },
    repaired: { types: one({ cpuMs: 2 }, { callMs: 25 }, { cpuMs: 2 }), concurrency: 4, rate: 20 },
  },
  "a slow call, slots to spare": {
    rule: "slow-downstream",
    sick: { types: one({ cpuMs: 2 }, { callMs: 400 }, { cpuMs: 2 }), concurrency: 16, rate: 15 },
    repaired: { types: one({ cpuMs: 2 }, { callMs: 20 }, { cpuMs: 2 }), concurrency: 16, rate: 15 },
  },
  "a call in a loop, slots to spare": {
    rule: "n-plus-one",
    sick: { types: one({ cpuMs: 2 }, ...repeat(40, 5), { cpuMs: 2 }), concurrency: 16, rate: 15 },
    repaired: { types: one({ cpuMs: 2 }, { callMs: 5 }, { cpuMs: 2 }), concurrency: 16, rate: 15 },
  },
  "a call in a loop, all jobs at once": {
    rule: "n-plus-one",
    sick: { types: one({ cpuMs: 2 }, ...repeat(40, 5), { cpuMs: 2 }), concurrency: 4 },
    repaired: { types: one({ cpuMs: 2 }, { callMs: 5 }, { cpuMs: 2 }), concurrency: 4 },
  },
  "jobs that fail": {
    rule: "retries",
    sick: { types: { work: { steps: [{ cpuMs: 40 }, { callMs: 20 }], fail: 0.3 } }, concurrency: 4 },
    repaired: { types: { work: { steps: [{ cpuMs: 40 }, { callMs: 20 }] } }, concurrency: 4 },
  },
  "neighbours that block": {
    rule: "blocked-by-neighbours",
    type: "mail",
    sick: {
      types: {
        mail: { share: 15, steps: [{ cpuMs: 1 }, { callMs: 15 }, { cpuMs: 1 }] },
        report: { steps: [{ cpuMs: 600 }] },
      },
      ...{ concurrency: 16, rate: 14, jobs: 800 },
    },
    repaired: {
      types: { mail: { share: 15, steps: [{ cpuMs: 1 }, { callMs: 15 }, { cpuMs: 1 }] } },
      ...{ concurrency: 16, rate: 14, jobs: 800 },
    },
  },
};

for (const [what, { rule, sick, repaired, type, profile }] of Object.entries(cases)) {
  test(`analyze() predicts what sparing ${what} brings within 20 %`, async () => {
    for (const seed of [1, 2, 3]) {
      const before = simulate({ ...sick, seed });
      const after = simulate({ ...repaired, seed: seed + 10 });
      const { findings, verdict } = await analyze({
        ...before.input,
        ...(profile ? { samples: testSamples("work", profile) } : {}),
      });
      assert.equal(findings[0]?.rule, rule, `seed ${seed}: ${verdict}`);
      const { gain } = findings[0];
      assert.ok(gain.predicted, JSON.stringify(gain));
      const measured =
        gain.what === "throughput"
          ? after.throughputPerSecond / before.throughputPerSecond - 1
          : 1 - after.p95Ms(type) / before.p95Ms(type);
      const error = Math.abs(gain.ratio / measured - 1);
      assert.ok(
        error <= 0.2,
        `seed ${seed}: ${gain.what} ${gain.ratio} predicted, ${measured} measured: ${gain.formula}`,
      );
    }
  });
}

test("analyze() shows no bottleneck of a worker with slots and thread to spare", async () => {
  const types = {
    mail: { share: 3, steps: [{ cpuMs: 3 }, { callMs: 30 }, { cpuMs: 2 }] },
    report: { steps: [{ cpuMs: 20 }, { callMs: 60 }] },
  };
  for (const seed of [1, 2, 3, 4, 5]) {
    const { input } = simulate({ types, concurrency: 8, rate: 25, seed });
    assert.equal((await analyze(input)).verdict, "No bottleneck shown");
  }
});
