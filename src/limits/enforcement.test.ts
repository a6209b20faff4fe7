import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLimits, enforcementTable, type LimitedWorker } from "./enforcement.ts";

const limits = { cpus: 3, memoryBytes: 13 * 2 ** 30, oldSpaceMb: 11_264, semiSpaceMb: 64, environment: {} };
const worker: LimitedWorker = {
  host: { cpus: 2, memoryBytes: 8 * 2 ** 30 },
  held: { cpus: 2, memoryBytes: 13 * 2 ** 30 },
  by: "the container",
  command: "dist/worker.js",
  facts: {
    heapLimitBytes: 12_012_486_656,
    cpuLimit: 2,
    memoryLimitBytes: 13 * 2 ** 30 - 4_096, // a page less
    command: "/app/dist/worker.js",
  },
};
const table = (over: Partial<LimitedWorker> = {}) => enforcementTable(compareLimits(limits, { ...worker, ...over }));

test("compareLimits() says what holds, what cannot bind, and what nothing enforces", () => {
  assert.deepEqual(table(), [
    "  cpus       asked 3.0, host 2, enforced 2.0 (not binding), by the container",
    "  memory     asked 13 GiB, host 8 GiB, enforced 13 GiB (not binding), by the container",
    "  heap       asked old space 11264 MB and 3 x semi space 64 MB, enforced heap_size_limit 11456 MB",
    "  command    asked dist/worker.js, enforced dist/worker.js",
  ]);
  const held = { cpus: undefined, memoryBytes: undefined };
  assert.equal(
    table({ held, by: { nothing: "there are no cgroups on darwin" } })[0],
    "  cpus       asked 3.0, host 2, not enforced: there are no cgroups on darwin (not binding)",
  );
  const facts = { ...worker.facts, memoryLimitBytes: undefined };
  const rows = table({ held, by: "systemd-run", facts });
  // Where one of the two witnesses sees it, it is there.
  assert.equal(rows[0], "  cpus       asked 3.0, host 2, enforced 2.0 (not binding), by systemd-run");
  assert.match(rows[1]!, /, not enforced: systemd-run shows no limit \(not binding\)$/);
});

test("compareLimits() says where the worker sees another limit from inside, or none, and runs another program", () => {
  const other = { heapLimitBytes: undefined, cpuLimit: 1, memoryLimitBytes: undefined, command: "/app/other.js" };
  assert.deepEqual(
    table({ facts: other }).map((line) => /(?:, by |, enforced [^,]*$|, not measured).*/.exec(line)?.[0]),
    [
      ", by the container, from inside 1.0",
      ", by the container, from inside not measured: the worker's telemetry does not tell it",
      ", not measured: the worker's telemetry does not tell it",
      ", enforced /app/other.js",
    ],
  );
  const rows = compareLimits(limits, { ...worker, facts: { notMeasured: "the worker runs with OTEL_ENABLED=false" } });
  assert.deepEqual(
    rows.map(({ limit, enforced, inside }) => [limit, enforced, inside]),
    [
      ["cpus", "2.0", "not measured: the worker runs with OTEL_ENABLED=false"],
      ["memory", "13 GiB", "not measured: the worker runs with OTEL_ENABLED=false"],
      ["heap", "not measured: the worker runs with OTEL_ENABLED=false", undefined],
      ["command", "not measured: the worker runs with OTEL_ENABLED=false", undefined],
    ],
  );
});

test("enforcementTable() shows the program that the worker names without control characters", () => {
  const command = "\x1b[2J\n  command    enforced dist/worker.js";
  const [line] = table({ facts: { ...worker.facts, command } as LimitedWorker["facts"] }).slice(-1);
  assert.match(line!, /^ {2}command {4}asked dist\/worker.js, enforced ⟨ESC⟩\[2J⟨LF⟩ {2}command/);
});
