import assert from "node:assert/strict";
import { test } from "node:test";
import { measureTruth } from "../../../bench/measure_truth.ts";
import { currentRuntime } from "../../settings/runtime.ts";

// The whole set, within 10 ms, is `make bench PART=truth`.
for (const workload of [
  "CPU in 100 pieces",
  "I/O of 400 ms beside CPU of 400 ms",
  "a neighbour blocks a timer that is due",
  "a neighbour blocks I/O that has come",
  "two computing in turns",
  "garbage",
  "0.5 CPUs, two jobs in turns",
]) {
  test(`the ledger says the truth: ${workload}`, { skip: currentRuntime === "deno" }, async () => {
    const off = (await measureTruth([workload], 30)).filter(({ ok }) => !ok);
    assert.deepEqual(off, []);
  });
}
