import assert from "node:assert/strict";
import { test } from "node:test";
import { readDescription } from "./run_description.ts";

test("readDescription() reads descriptions of any shape", () => {
  const unknown = { limits: undefined, concurrency: undefined, lockMs: undefined, loadEndMs: undefined };
  const nothing = { ...unknown, notMeasured: [] };
  for (const json of [
    { ended: 5, lostSpans: { a: 5, b: { lost: "x" }, c: null } },
    { ended: [5, {}], lostSpans: [1], worker: { concurrency: "8", lockDurationMs: -1 } },
    null,
    3,
    "x",
    [],
    { start: {}, machine: [], limits: "no", runtime: null, notMeasured: [{ what: "x" }, null], load: "x" },
    JSON.parse('{"__proto__":{"id":"x"}}'),
  ]) {
    const { run, concurrency, lockMs, notMeasured, loadEndMs } = readDescription(json);
    assert.equal(run.id, "not known");
    assert.deepEqual({ limits: run.limits, concurrency, lockMs, notMeasured, loadEndMs }, nothing);
  }
  assert.ok(readDescription({ id: "a".repeat(1e6) }).run.id.length <= 200);
});

test("readDescription() reads what was written, of limits what holds", () => {
  const limits = [
    { limit: "cpus", asked: "3.0", enforced: "2.0", by: "the container" },
    { limit: "memory", asked: "13.0 GiB", enforced: "not enforced: no cgroup" },
  ];
  const notMeasured = [{ what: "functions", reason: "the worker runs with PROFILING=off" }];
  const known = readDescription({ limits, notMeasured, load: { cutOff: "ended by Ctrl-C" } });
  assert.deepEqual(known.run.limits, [
    { name: "cpus", asked: "3.0", enforcedBy: "2.0, by the container" },
    { name: "memory", asked: "13.0 GiB", enforcedBy: "not enforced: no cgroup" },
  ]);
  assert.deepEqual([known.notMeasured, known.run.cutOff], [notMeasured, "ended by Ctrl-C"]);
  // The concurrency of one process, out of the sum over all; an older version did not count them.
  const worker = { processes: 2, concurrency: 16, lockDurationMs: 15_000, lockRenewMs: 2_000 };
  const { concurrency, lockMs, lockRenewMs } = readDescription({ worker });
  assert.deepEqual([concurrency, lockMs, lockRenewMs], [8, 15_000, 2_000]);
  assert.equal(readDescription({ worker: { concurrency: 4 } }).concurrency, 4);
});
