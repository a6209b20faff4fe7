import assert from "node:assert/strict";
import { test } from "node:test";
import { type TestJobs, testRun } from "../../test/example_run.ts";
import { JOB_BLOCKED_MAX_MS } from "../telemetry/names.ts";
import { analyze } from "./analyze.ts";
import { withBlocked } from "./blocked_estimate.ts";

/** Mails with calls of 20 ms, of which every second finds the thread in the turn of a report. */
async function partsOfMail(parts: TestJobs["parts"], mostMs: number) {
  const input = testRun({ jobs: [{ name: "mail", count: 40, everyMs: 10, parts }] });
  const spans = [...(input.spans as Iterable<{ attributes: Record<string, unknown> }>)]; // of a constructed run
  for (const { attributes } of spans) if ("prodlike.job.cpu_ms" in attributes) attributes[JOB_BLOCKED_MAX_MS] = mostMs;
  const { jobs } = await analyze({ ...input });
  const { blocked, overlapped, run } = jobs[0]!.parts;
  return { blocked: blocked!.mean, overlapped: overlapped!.mean, run: run!.mean };
}

test("analyze() takes most of a long turn for blocked, behind which the answer of a short call came", async () => {
  // A call of 20 ms behind a turn of 300 ms: it came after 0 to 20 ms.
  const { blocked, overlapped } = await partsOfMail({ cpu: 2, blocked: 0, overlapped: 300, idle: 20 }, 300);
  assert.ok(Math.abs(blocked - 290) < 10, `${blocked}`);
  assert.ok(Math.abs(overlapped - 10) < 10, `${overlapped}`);
});

test("analyze() takes half of a short turn for blocked, behind which the answer of a long call came", async () => {
  const { blocked, overlapped, run } = await partsOfMail({ cpu: 2, blocked: 0, overlapped: 120, idle: 200 }, 20);
  assert.ok(Math.abs(blocked - 10) < 3, `${blocked}`);
  assert.ok(Math.abs(blocked + overlapped + 202 - run) < 5, `${blocked} ${overlapped} ${run}`);
});

test("analyze() leaves blocked as it is where the ledger knows it", async () => {
  const { blocked, overlapped } = await partsOfMail({ cpu: 2, blocked: 30, overlapped: 100, idle: 20 }, 30);
  assert.ok(Math.abs(blocked - 30) < 2 && Math.abs(overlapped - 100) < 4, `${blocked} ${overlapped}`);
});

test("withBlocked() makes a new attempt, and gives none without a ledger a time that nobody measured", () => {
  const attempt = {
    startMs: 0,
    totalMs: 100,
    path: [],
    parts: { run: 100, blocked: 10, overlapped: 40 },
    blockedMaxMs: 30,
  };
  const kept = structuredClone(attempt);
  assert.deepEqual(withBlocked(attempt, 0.5).parts, { run: 100, blocked: 20, overlapped: 30 });
  assert.deepEqual(attempt, kept);
  const bare = { startMs: 0, totalMs: 100, path: [], parts: { run: 100 } };
  assert.deepEqual(withBlocked(bare, 0.5), bare);
});
