import assert from "node:assert/strict";
import { test } from "node:test";
import { testSamples } from "../../test/example_run.ts";
import { OWN_CODE } from "../telemetry/names.ts";
import { Flames } from "./flames.ts";
import type { FlameNode } from "./report.ts";

const flamesOf = (...stacks: Parameters<typeof testSamples>[1]) => {
  const flames = new Flames();
  for (const sample of testSamples("work", stacks)) flames.add(sample);
  return flames;
};

test("Flames.suspects() begins with the narrowest function that half of the time goes through, on any way", () => {
  const flames = flamesOf(
    [30, "run", "first", "parse", "scan"],
    [30, "run", "second", "parse", "join"],
    [40, "run", "write"],
  );
  const [first, second] = flames.suspects("work");
  // "parse" has another line on each way: that of its depth, which is the same here.
  assert.deepEqual([first?.name, first?.cpuMs, first?.share], ["parse", 60, 0.6]);
  assert.deepEqual([second?.name, second?.share], ["write", 0.4]);
});

test("Flames.suspects() names no function that everything goes through, and none of V8's own work", () => {
  const flames = flamesOf([45, "run", "a"], [40, "run", "b"]);
  flames.add({
    values: { cpu: 15e6 },
    labels: { job: "work" },
    stack: [
      { name: "Garbage Collection", file: "", line: 0 },
      { name: "run", file: "/app/src/work.ts", line: 10 },
    ],
  });
  assert.deepEqual(
    flames.suspects("work").map(({ name }) => name),
    ["a", "b", "run"],
  );
  assert.deepEqual(flames.suspects("nobody"), []);
});

test("Flames.suspects() spares what observes, and not a folder of the application that is named like ours", () => {
  const of = (file: string) => {
    const flames = flamesOf([5, "send"]);
    const stack = [
      { name: "switchTo", file, line: 7 },
      { name: "run", file: "/app/src/work.ts", line: 10 },
    ];
    flames.add({ values: { cpu: 95e6 }, labels: { job: "work" }, stack });
    return flames.suspects("work").map(({ name }) => name);
  };
  assert.deepEqual(of(`${OWN_CODE}src/telemetry/ledger/owner.ts`), ["run", "send"]);
  assert.deepEqual(of("/app/src/telemetry/gauges.ts"), ["switchTo", "send", "run"]);
});

test("Flames.suspects() begins with what a function that hands the work out gives most to", () => {
  const flames = flamesOf([48, "process", "take", "hash"], [47, "process", "take", "render"], [5, "send"]);
  const [first] = flames.suspects("work");
  assert.deepEqual([first?.name, first?.share], ["hash", 0.48]);
});

test("Flames counts a function that calls itself once", () => {
  const flames = new Flames();
  const frame = { name: "walk", file: "/app/src/work.ts", line: 1 };
  flames.add({ values: { cpu: 10e6 }, labels: { job: "work" }, stack: [frame, frame, frame] });
  assert.deepEqual(flames.functions("work"), [{ ...frame, selfMs: 10, totalMs: 10, share: 1 }]);
  const depth = (node: FlameNode): number => 1 + Math.max(0, ...node.children.map(depth));
  assert.equal(depth(flames.flames()[0]!.root), 4);
});

test("Flames keeps its trees within bounds", () => {
  const flames = new Flames();
  for (let index = 0; index < 30_000; index++) {
    const stack = Array.from({ length: 300 }, (_, depth) => ({ name: `f${index}-${depth}`, file: "f", line: depth }));
    if (index < 300) flames.add({ values: { cpu: 1e6 }, labels: { job: "work" }, stack });
    else flames.add({ values: { cpu: 1e6 }, labels: { job: `job ${index}` }, stack: stack.slice(0, 1) });
  }
  const count = (node: FlameNode): number => 1 + node.children.reduce((sum, child) => sum + count(child), 0);
  const trees = flames.flames();
  assert.equal(trees.length, 50);
  assert.ok(count(trees[0]!.root) <= 20_000);
  assert.equal(trees[0]!.root.totalMs, 300);
});
