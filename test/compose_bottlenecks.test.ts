import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { needsDocker, withContainers } from "./compose_stack.ts";

const LOAD = { JOBS: "10", WARMUP: "2", JSON: "1", PRODLIKE_MEMORY: "1g", PRODLIKE_OLD_SPACE_MB: "512" };

test("bottlenecks records a run of containers, and leaves what it found: nothing, or the stack that was up", async (t) => {
  if (!(await needsDocker(t))) return;
  await withContainers(async (checkout) => {
    const record = async (settings: Record<string, string>) => {
      const ran = await checkout.run("bottlenecks", { ...LOAD, ...settings });
      assert.equal(ran.code, 0, ran.stderr);
      const run = JSON.parse(
        readFileSync(join(checkout.folder, ".prodlike/runs", JSON.parse(ran.stdout).run.id, "run.json"), "utf8"),
      );
      const { sent, completed, kind } = run.load.summary;
      assert.deepEqual([sent, completed, run.stack], [10, 10, "compose"]);
      for (const service of ["prodlike-api", "prodlike-worker"]) assert.equal(run.spanAccounting[service].pending, 0);
      const memory = run.limits?.find(({ limit }: { limit: string }) => limit === "memory");
      return [kind, run.worker.concurrency, memory?.asked, memory?.enforced, memory?.inside];
    };
    const limited = ["1 GiB", "1 GiB", "1 GiB"];
    assert.deepEqual(await record({}), ["closed", 4, ...limited]);
    assert.deepEqual(await checkout.left(), []);

    const other = { WORKER_CONCURRENCY: "8" };
    const up = await checkout.run("otel_up", { ...LOAD, ...other });
    assert.equal(up.code, 0, up.stderr);
    // Of the worker that is up, not of the command.
    assert.deepEqual(await record({ LIMITS: "off" }), ["closed", 8, undefined, undefined, undefined]);
    const limitsOf = async () => {
      const { Memory, NanoCpus } = (await checkout.inspect("worker")).HostConfig;
      return { Memory, NanoCpus };
    };
    const before = await limitsOf();
    assert.deepEqual(await record({ ...other, RATE: "5" }), ["open", 8, ...limited]);
    assert.deepEqual(await limitsOf(), before);
    assert.equal((await checkout.run("verify", LOAD)).code, 0);
  });
});
