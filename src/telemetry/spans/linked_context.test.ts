import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createContextKey } from "@opentelemetry/api";
import { currentRuntime } from "../../settings/runtime.ts";
import { LINKED_ROOT } from "./linked_context.ts";

const keys = Array.from({ length: 30 }, (_, i) => createContextKey(`key ${i}`));

test("a context knows all values that were set, the last of each key, and not those of its children", () => {
  let context = LINKED_ROOT;
  for (const [i, key] of keys.entries()) {
    const before = context;
    context = context.setValue(key, i);
    assert.equal(before.getValue(key), undefined);
    assert.deepEqual(
      keys.map((each) => context.getValue(each)),
      keys.map((_, at) => (at <= i ? at : undefined)),
    );
  }
  const [first, second] = keys as [symbol, symbol];
  const changed = context.setValue(first, "new").deleteValue(second);
  assert.deepEqual(
    [changed.getValue(first), changed.getValue(second), context.getValue(second)],
    ["new", undefined, 1],
  );
});

test("a chain of contexts that set one value again and again does not keep all of them", {
  skip: currentRuntime === "deno" && "its garbage cannot be collected at will",
}, async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const [key] = keys as [symbol];
  let context = LINKED_ROOT;
  const values: WeakRef<object>[] = [];
  for (let i = 0; i < 100; i++) {
    const value = { i };
    values.push(new WeakRef(value));
    context = context.setValue(key, value);
  }
  await setImmediate();
  collect();
  assert.deepEqual(context.getValue(key), { i: 99 });
  assert.ok(values.filter((value) => value.deref()).length < 20);
});
