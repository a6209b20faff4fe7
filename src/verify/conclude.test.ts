import assert from "node:assert/strict";
import { test } from "node:test";
import type { Check } from "./checks.ts";
import { conclude } from "./conclude.ts";

const services = { api: "api", worker: "worker" };
const good: Check = { name: "health", ok: true, detail: "200" };
const orphan: Check = { name: "no orphan", ok: false, detail: "a parent is missing", rests: "on the trace" };
const counts = { created: 9, exported: 8, queueFull: 0, refused: 0, failed: 0, pending: 1, processes: 1, at: "" };

test("conclude() proves when all checks hold, and names the first that does not", () => {
  assert.match(conclude(services, [good]).summary, /^Proved: one job travelled from api .* into worker/);
  const { ok, outcome, summary } = conclude(services, [good, orphan, { ...orphan, name: "one trace" }]);
  assert.deepEqual(
    [ok, outcome, summary],
    [false, "disproved", "Disproved: no orphan: a parent is missing; 2 of 3 checks failed"],
  );
});

test("conclude() says nothing where spans were lost that would prove the trace, unless something else failed", () => {
  const lost = { worker: { ...counts, queueFull: 4, failed: 1 }, api: { notMeasured: "off" } };
  const unknown = conclude(services, [good, orphan], { accounting: lost });
  assert.deepEqual(
    [unknown.outcome, unknown.summary],
    ["nothing can be said", "Nothing can be said: worker lost 5 spans"],
  );
  assert.equal(conclude(services, [good, orphan], { accounting: { worker: counts } }).outcome, "disproved");
  const dead = { name: "worker runs", ok: false, detail: "it ended with SIGKILL" };
  assert.equal(conclude(services, [orphan, dead], { accounting: lost }).outcome, "disproved");
  assert.equal(conclude(services, [good], { accounting: lost }).outcome, "proved");
  const unseen: Check = { name: "spans of worker", ok: false, detail: "none arrived", rests: "on telemetry" };
  assert.equal(conclude(services, [unseen, orphan], { accounting: lost }).outcome, "disproved");
  const full = conclude(services, [unseen, orphan], { noRoom: "no space left" });
  assert.deepEqual([full.outcome, full.summary], ["nothing can be said", "Nothing can be said: no space left"]);
  assert.equal(conclude(services, [unseen, dead], { noRoom: "no space left" }).outcome, "disproved");
});
