import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { currentRuntime } from "../src/settings/runtime.ts";
import { UserError } from "../src/terminal/user_error.ts";
import { judge, repeatWorkload } from "./verdicts/measure.ts";
import { openVerdictStage, type VerdictStage } from "./verdicts/stage.ts";
import { WORKLOADS } from "./verdicts/workloads.ts";

/** Of those that wait more than they compute: they are the same on a machine that others use. */
const CHOSEN = ["a slow call, slots to spare", "one slot for jobs that wait", "calls, thread and slots to spare"];

/** Share of a run's time in which others had the CPU that the worker wanted. */
const MOST_STOLEN = 0.15;

/** There is no ledger on Deno. */
const skip = currentRuntime === "deno";
let stage: VerdictStage | undefined;
before(async () => {
  if (skip) return;
  stage = await openVerdictStage().catch((error) => {
    if (error instanceof UserError) return undefined; // there is no Redis
    throw error;
  });
});
after(() => stage?.close());

for (const name of CHOSEN) {
  test(`the report of a real worker is right about "${name}"`, { skip }, async (t) => {
    if (!stage) return t.skip("no redis-server is on the PATH");
    const workload = WORKLOADS.find((each) => each.name === name)!; // it is there
    const row = judge(workload, [await repeatWorkload(stage, workload)]);
    // Then the report is about the machine: it says so, or that the code takes longer than it does.
    if (row.right === 0 && (row.stolen > MOST_STOLEN || /load generator/.test(row.verdict)))
      return t.skip(`others had the CPU: ${row.verdict}`);
    assert.equal(row.right, 1, row.wrong.join());
    if (row.gain) assert.ok(Math.abs(row.gain.error ?? 1) < 0.5, JSON.stringify(row.gain));
  });
}

test("the verdicts benchmark has 14 bottlenecks with a repair, 4 workloads without one, and each rule once", () => {
  const sick = WORKLOADS.filter(({ rule }) => rule !== undefined);
  assert.ok(sick.length >= 14 && WORKLOADS.length - sick.length >= 4);
  assert.deepEqual(
    sick.filter(({ repaired }) => !repaired),
    [],
  );
  assert.equal(new Set(sick.map(({ rule }) => rule)).size, 13);
});
