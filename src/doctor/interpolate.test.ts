// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what compose files hold
import assert from "node:assert/strict";
import { test } from "node:test";
import { interpolate } from "./interpolate.ts";

test("interpolate() replaces variables as compose does", () => {
  const environment = { A: "1", EMPTY: "" };
  const texts = {
    "$A ${A}": "1 1",
    "${NO:-x}${NO-y}${EMPTY:-z}${EMPTY-w}": "xyz",
    "${NO:-${EMPTY:-${A}m}}": "1m",
    "${A:+set}${NO+set}": "set",
    "$$A $${A}": "$A ${A}",
    "${A:?needed}": "1",
    "a $ b": "a $ b",
  };
  for (const [text, expected] of Object.entries(texts)) {
    assert.equal(
      interpolate(text, environment, () => assert.fail(text)),
      expected,
    );
  }
});

test("interpolate() names variables without a value", () => {
  const missing: string[] = [];
  assert.equal(
    interpolate("$A-${B}-${C:?wanted}-${D:-d}", {}, (name) => missing.push(name)),
    "---d",
  );
  assert.deepEqual(missing, ["A", "B", "C"]);
});
