import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { waitFor } from "../src/wait_for.ts";
import { finish, makeCheckout, nothingIsLeft } from "./checkout.ts";
import { interrupted } from "./endless_load.ts";
import { createTestRoot } from "./review_repository.ts";

test("a load and a proof fail as soon as a part of the stack dies, whatever thresholds hold", async () => {
  const root = await createTestRoot();
  const { commit } = await root.repository(".");
  await commit({ "a.ts": "export const f = (a: any) => { if (a == 1) debugger; };\n".repeat(50) });
  const checkout = await makeCheckout();
  const settings = { REVIEW_ROOT: root.path, WARMUP: "2", PROFILING: "off", LIMITS: "off" };
  try {
    assert.equal((await checkout.run("otel_up", settings)).code, 0);
    for (const part of ["api", "postgres", "collector"] as const) {
      const gate = { ...settings, RATE: "5", MAX_P95_MS: "600000", MAX_CPU_MS: "600000" };
      const ran = await interrupted(checkout, gate, () => process.kill(checkout.state()!.parts[part]!.pid, "SIGKILL"));
      assert.equal(ran.code, 1, ran.stderr);
      assert.match(ran.stdout, new RegExp(`^Failed: the ${part} has ended with SIGKILL\n`));
      const refused = await checkout.run("bottlenecks", settings);
      assert.deepEqual(
        [refused.code, refused.stdout],
        [1, `Failed: no load was sent: the ${part} has ended with SIGKILL\n`],
      );
      assert.equal((await checkout.run("otel_up", settings)).code, 0);
    }
    const { pid } = checkout.state()!.parts.worker!;
    process.kill(pid, "SIGSTOP"); // its job does not end
    const proof = finish(checkout.start("verify", settings));
    const log = join(checkout.folder, ".prodlike", "stack", "api.log");
    const before = readFileSync(log, "utf8").split("review accepted").length;
    const isAccepted = () => readFileSync(log, "utf8").split("review accepted").length > before || undefined;
    await waitFor(isAccepted, "the job");
    process.kill(pid, "SIGKILL");
    const { code, stdout } = await proof;
    assert.equal(code, 1, stdout);
    assert.match(stdout, /^Disproved: job completed: the worker has ended with SIGKILL; 2 of 3 checks failed\n/);
    assert.equal((await checkout.run("otel_down")).code, 0);
    await nothingIsLeft(checkout);
  } finally {
    await checkout.close();
    await root.remove();
  }
});
