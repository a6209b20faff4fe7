import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBytes, parseCpus } from "./quantities.ts";

test("parseBytes() reads what compose and Kubernetes write", () => {
  const sizes = {
    "512": 512,
    "512b": 512,
    "512m": 2 ** 29,
    "1.5gb": 1.5 * 2 ** 30,
    "13G": 13 * 2 ** 30,
    "512Mi": 2 ** 29,
  };
  for (const [text, bytes] of Object.entries(sizes)) assert.equal(parseBytes("PRODLIKE_MEMORY", text), bytes, text);
  for (const text of ["", "0", "-1g", "1t", "1e9", "m", "1 g", "0.1b"]) {
    assert.throws(() => parseBytes("PRODLIKE_MEMORY", text), /^UserError: Cannot use PRODLIKE_MEMORY="/, text);
  }
});

test("parseCpus() reads decimals and thousandths", () => {
  const cpus = { "3.0": 3, "0.5": 0.5, "500m": 0.5, "2": 2 };
  for (const [text, value] of Object.entries(cpus)) assert.equal(parseCpus("PRODLIKE_CPUS", text), value, text);
  for (const text of ["", "0", "-1", "1m", "0.001", "two", "1e3"]) {
    assert.throws(() => parseCpus("PRODLIKE_CPUS", text), /^UserError: Cannot use PRODLIKE_CPUS="/, text);
  }
});
