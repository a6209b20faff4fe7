import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../src/settings/environment.ts";
import { ratioOf } from "./harness/ratio.ts";

const lock = (folder: string): Record<string, { version: string; resolved?: string }> =>
  JSON.parse(readFileSync(join(ROOT, folder, "package-lock.json"), "utf8")).packages;

test("the tax benchmark compares with the usual ways on the same BullMQ, and one copy of each OpenTelemetry package", () => {
  const [own, others] = [lock("."), lock("bench/others")];
  for (const name of ["bullmq", "ioredis", "msgpackr", "@opentelemetry/api", "@opentelemetry/sdk-trace-node"])
    assert.equal(others[`node_modules/${name}`]?.version, own[`node_modules/${name}`]?.version, name);
  const names = Object.keys(others).map((path) => path.split("node_modules/").at(-1)!);
  const shared = names.filter((name) => name.startsWith("@opentelemetry/"));
  assert.ok(shared.length > 40);
  assert.deepEqual(
    shared.filter((name, index) => shared.indexOf(name) !== index),
    [],
  );
  assert.deepEqual(
    Object.values(others).filter(({ resolved }) => resolved),
    [],
  );
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "bench/others/package.json"), "utf8"));
  for (const [name, version] of Object.entries(dependencies)) assert.match(String(version), /^\d/, name);
});

test("ratioOf() takes ratios round by round, with Student's interval", () => {
  const { ratio, low, high } = ratioOf([2, 6, 8], [1, 2, 2]); // ratios 2, 3 and 4
  assert.ok(Math.abs(ratio - 24 ** (1 / 3)) < 1e-12);
  assert.ok(Math.abs(low - 1.216) < 0.001 && Math.abs(high - 6.84) < 0.01, `${low} ${high}`);
  assert.deepEqual(ratioOf([3, 6], [2, 4]), { ratio: 1.5, low: 1.5, high: 1.5 });
});
