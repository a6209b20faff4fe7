import assert from "node:assert/strict";
import { test } from "node:test";
import { compareLimits, enforcementTable } from "./enforcement.ts";

const limits = { cpus: 3, memoryBytes: 13 * 2 ** 30, oldSpaceMb: 11_264, semiSpaceMb: 64, environment: {} };
const host = { cpus: 2, memoryBytes: 8 * 2 ** 30 };
const ready = '{"msg":"ready","entry":"dist/worker.js","heapSizeLimitBytes":12012486656}';

test("compareLimits() says what holds, what cannot bind, and what nothing enforces", () => {
  const held = { cpus: 2, memoryBytes: 13 * 2 ** 30 };
  assert.deepEqual(
    enforcementTable(compareLimits(limits, { host, held, by: "the container", output: `x\n${ready}\n` })),
    [
      "  cpus       asked 3.0, host 2, enforced 2.0 (not binding), by the container",
      "  memory     asked 13 GiB, host 8 GiB, enforced 13 GiB (not binding), by the container",
      "  heap       asked old space 11264 MB and 3 x semi space 64 MB, enforced heap_size_limit 11456 MB",
      "  command    asked dist/worker.js, enforced dist/worker.js",
    ],
  );
  const nothing = { host, held: { cpus: undefined, memoryBytes: undefined }, output: "" };
  const flags = compareLimits(limits, { ...nothing, by: { nothing: "there are no cgroups on darwin" } });
  assert.equal(
    enforcementTable(flags)[0],
    "  cpus       asked 3.0, host 2, not enforced: there are no cgroups on darwin (not binding)",
  );
  assert.equal(flags[2]!.enforced, "not measured: the worker did not print it");
  assert.equal(
    compareLimits(limits, { ...nothing, by: "systemd-run" })[1]!.enforced,
    "not enforced: systemd-run shows no limit",
  );
});

test("enforcementTable() shows the entry that the worker names without control characters, and believes no other line", () => {
  const at = (output: string) => {
    const held = { cpus: undefined, memoryBytes: undefined };
    return enforcementTable(compareLimits(limits, { host, held, by: "the container", output })).slice(2);
  };
  const hostile = JSON.stringify({ msg: "ready", entry: "\x1b[2J\n  command    enforced dist/worker.js" });
  assert.match(at(hostile)[1]!, /^ {2}command {4}asked dist\/worker.js, enforced ⟨ESC⟩\[2J⟨LF⟩ {2}command/);
  for (const output of ['{"msg":"ready","entry":"a.js', '{"msg":"ready","entry":{},"heapSizeLimitBytes":"1"}']) {
    for (const line of at(output)) assert.match(line, /, not measured: the worker did not print it$/);
  }
});
