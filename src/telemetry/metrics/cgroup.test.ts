import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startProgram } from "../../../test/program.ts";
import { openCgroup } from "../../cgroup.ts";
import { startCollector } from "../../collector/collector.ts";
import { readPoints } from "../../otlp/read_points.ts";
import { currentRuntime } from "../../settings/runtime.ts";
import { waitFor } from "../../wait_for.ts";
import * as names from "../names.ts";

const V1 = "/sys/fs/cgroup";
const HIERARCHIES = ["cpu", "cpuacct", "memory"];
const LIMIT_BYTES = 1024 * 2 ** 20;

/** Why no cgroup of version 1 can be made here; false when it can. */
function whyNot(): string | false {
  if (!HIERARCHIES.every((name) => existsSync(join(V1, name, "release_agent")))) {
    return "NOT TESTED: no cgroup v1 with cpu, cpuacct and memory on this machine";
  }
  return process.getuid?.() === 0 ? false : "NOT TESTED: only root may make a cgroup v1";
}

/** Makes a cgroup with a tenth of a CPU and 1 GiB in each hierarchy, of a process that runs. */
async function withCgroup(pid: number, use: () => Promise<void>, end: () => Promise<unknown>): Promise<void> {
  const folders = HIERARCHIES.map((name) => join(V1, name, `prodlike-test-${process.pid}`));
  try {
    for (const folder of folders) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folders[0]!, "cpu.cfs_period_us"), "20000");
    writeFileSync(join(folders[0]!, "cpu.cfs_quota_us"), "2000");
    writeFileSync(join(folders[2]!, "memory.limit_in_bytes"), String(LIMIT_BYTES));
    for (const folder of folders) writeFileSync(join(folder, "cgroup.procs"), String(pid));
    await use();
  } finally {
    await end();
    // Busy until the kernel is done with the process.
    for (const folder of folders) {
      const isGone = () => {
        rmdirSync(folder);
        return true;
      };
      await waitFor(isGone, `the end of ${folder}`);
    }
  }
}

test("a process that is moved into a real cgroup reports its throttling and its limit", {
  skip: whyNot(),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const collector = await startCollector({ folder, port: 0 });
  const environment = {
    OTEL_ENABLED: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_METRIC_EXPORT_INTERVAL: "200",
  };
  // Busy half of the time: ten times of what it may be.
  const program = `
    console.log("runs");
    setInterval(() => { const until = performance.now() + 20; while (performance.now() < until); }, 40);`;
  const child = startProgram(program, environment, currentRuntime);
  const ended = once(child, "close");
  const newest = async () => {
    const values: Record<string, number> = {};
    for await (const { metric, value } of readPoints([join(folder, "metrics.jsonl")])) values[metric] = value;
    return values;
  };
  try {
    await once(child.stdout!, "data");
    const kill = () => {
      child.kill("SIGKILL");
      return ended;
    };
    await withCgroup(
      child.pid!,
      async () => {
        const arrived = await waitFor(async () => {
          const values = await newest();
          return values[names.CGROUP_CPU_THROTTLED_PERIODS]! > 5 ? values : undefined;
        }, "throttled periods");
        const outside = openCgroup({ pid: child.pid! }).read();
        assert.ok(arrived[names.CGROUP_CPU_THROTTLED_PERIODS]! <= arrived[names.CGROUP_CPU_PERIODS]!);
        assert.ok(arrived[names.CGROUP_CPU_PERIODS]! <= outside.periods!);
        const throttled = arrived[names.CGROUP_CPU_THROTTLED_TIME]!;
        assert.ok(throttled > 0.005 && throttled <= outside.throttledSeconds!, String(throttled));
        const cpu = arrived[names.CONTAINER_CPU_TIME]!;
        assert.ok(cpu > 0.005 && cpu <= outside.cpuSeconds! && cpu < 5, String(cpu));
        assert.equal(arrived[names.CGROUP_MEMORY_LIMIT], LIMIT_BYTES);
        assert.equal(outside.memoryLimitBytes, LIMIT_BYTES);
        assert.equal(arrived[names.CGROUP_OOM_KILLS], 0);
        const memory = [names.CONTAINER_MEMORY_WORKING_SET, names.CONTAINER_MEMORY_USAGE, names.CGROUP_MEMORY_PEAK];
        const bytes = memory.map((name) => arrived[name]!);
        assert.ok(
          bytes.every((value) => value >= 0 && value <= LIMIT_BYTES),
          bytes.join(),
        );
        assert.deepEqual(
          bytes,
          bytes.toSorted((a, b) => a - b),
        );
      },
      kill,
    );
  } finally {
    child.kill("SIGKILL");
    await ended;
    await collector.close();
    rmSync(folder, { recursive: true });
  }
});
