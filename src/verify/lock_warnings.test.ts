import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { workerLine } from "../../test/example_worker_facts.ts";
import { JOB_LOCK_LOST, MESSAGING_MESSAGE_ID } from "../telemetry/names.ts";
import { lockWarnings } from "./lock_warnings.ts";

/** A line of `traces.jsonl`: the span of a job whose lock was lost or not. */
function spanLine(job: string, isLost: boolean): string {
  const attributes = [
    { key: MESSAGING_MESSAGE_ID, value: { stringValue: job } },
    { key: JOB_LOCK_LOST, value: { boolValue: isLost } },
  ];
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "worker" } }] };
  return `${JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "test" }, spans: [{ attributes, status: {} }] }] }] })}\n`;
}

test("lockWarnings() counts the locks that the worker has lost, and names the jobs whose spans have arrived", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const [traces, metrics] = [join(folder, "traces.jsonl"), join(folder, "metrics.jsonl")];
    const warn = async (lostLocks: number[], spans: string[]) => {
      const queues = lostLocks.map((lost, index) => [`q${index}`, { concurrency: 1, lostLocks: lost }] as const);
      writeFileSync(metrics, workerLine({ instance: "a", second: 9, queues: Object.fromEntries(queues) }));
      writeFileSync(traces, spans.join(""));
      return (await lockWarnings({ traces, metrics }, { service: "worker" })).map(({ detail }) => detail);
    };
    assert.deepEqual(await warn([0, 0], [spanLine("1", false)]), []);
    assert.deepEqual(await warn([], [spanLine("1", true)]), []); // nothing counts them
    const [one] = await warn([0, 1], [spanLine("4711", true), spanLine("4712", false), spanLine("4711", true)]);
    assert.match(one!, /^the worker could not renew the lock of 1 job \(4711\) in time, which is run again: /);
    const [two] = await warn([1, 1], []);
    assert.match(two!, /^the worker could not renew the locks of 2 jobs in time, which are run again: /);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
