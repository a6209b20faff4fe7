import assert from "node:assert/strict";
import { test } from "node:test";
import { execa } from "execa";
import { ROOT } from "../../settings/environment.ts";
import { currentRuntime, entryCommand } from "../../settings/runtime.ts";

const { file, args } = entryCommand("bench/truth.ts", currentRuntime);

// The whole set, within 10 ms, is `make bench PART=truth`.
for (const workload of [
  "CPU in 100 pieces",
  "I/O of 400 ms beside CPU of 400 ms",
  "a neighbour blocks a timer that is due",
  "a neighbour blocks I/O that has come",
  "two computing in turns",
  "garbage",
  "0.5 CPUs, two jobs in turns",
]) {
  test(`the ledger says the truth: ${workload}`, { skip: currentRuntime === "deno" }, async () => {
    const options = { cwd: ROOT, env: { JSON: "1" }, reject: false } as const;
    const { stdout, stderr } = await execa(file, [...args, "--tolerance-ms", "30", workload], options);
    assert.match(stdout, /^\{/, stderr);
    const { rows } = JSON.parse(stdout) as { rows: { ok: boolean }[] };
    assert.deepEqual(
      rows.filter(({ ok }) => !ok),
      [],
    );
    assert.ok(rows.length > 0 || /SKIPPED/.test(stderr), "no part was measured");
  });
}
