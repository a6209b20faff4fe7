import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ACTIVE_JOBS, PROCESS_MEMORY_USAGE } from "../telemetry/names.ts";
import { readMemoryPerJob } from "./memory_per_job.ts";

const MB = 2 ** 20;

/** A line of `metrics.jsonl`: memory in MB and jobs of a worker process at `second`. */
function line(instance: string, second: number, [mb, jobs]: [number, number?]): string {
  const attributes = Object.entries({ "service.name": "prodlike-worker", "service.instance.id": instance }).map(
    ([key, stringValue]) => ({ key, value: { stringValue } }),
  );
  const metric = (name: string, asInt: number) => {
    return { name, sum: { dataPoints: [{ timeUnixNano: `${second}000000000`, asInt: String(asInt) }] } };
  };
  const metrics = [metric(PROCESS_MEMORY_USAGE, mb * MB), ...(jobs === undefined ? [] : [metric(ACTIVE_JOBS, jobs)])];
  return `${JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] })}\n`;
}

test("readMemoryPerJob() takes the newest run that shows memory with and without jobs", async () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const home = join(root, ".prodlike");
  const record = (id: string, lines: string[]) => {
    const folder = join(root, ".prodlike", "runs", id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "metrics.jsonl"), lines.join(""));
  };
  try {
    assert.equal(await readMemoryPerJob(home, "prodlike-worker"), undefined);
    record("20260101T000000Z-0001", [line("a", 1, [999, 0]), line("a", 2, [2000, 1])]);
    record("20260101T000001Z-0001", [
      line("a", 1, [110]),
      line("a", 2, [130, 0]),
      line("a", 3, [190, 2]),
      line("a", 4, [200, 3]),
      line("b", 3, [500, 1]), // nobody knows what it has without a job
    ]);
    record("20260101T000002Z-0001", [line("a", 1, [100, 0]), line("a", 2, [101, 0])]); // no job
    assert.deepEqual(await readMemoryPerJob(home, "prodlike-worker"), { bytes: 40 * MB, run: "20260101T000001Z-0001" });
  } finally {
    rmSync(root, { recursive: true });
  }
});
