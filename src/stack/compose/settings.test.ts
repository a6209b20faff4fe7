import assert from "node:assert/strict";
import { test } from "node:test";
import { withConcurrency } from "../../application/with_concurrency.ts";
import { readSettings } from "../../settings/settings.ts";
import { wantedOf } from "../wanted.ts";
import { composeEnvironment } from "./settings.ts";

test("composeEnvironment() has the concurrency that a sweep asks for, whatever the shell has", () => {
  const wanted = wantedOf(readSettings({ WORKER_CONCURRENCY: "3" }));
  assert.equal(composeEnvironment(wanted).WORKER_CONCURRENCY, "3");
  const stepped = { ...wanted, application: withConcurrency(wanted.application, 8) };
  assert.equal(composeEnvironment(stepped).WORKER_CONCURRENCY, "8");
});
