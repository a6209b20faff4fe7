import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime } from "../src/settings/runtime.ts";

const skip = currentRuntime === "node" ? false : "Deno runs TypeScript by itself";

/** Runs a script that starts nothing, as people do in the folder `cwd`. */
function runIn(cwd: string, environment: Record<string, string>, before = "") {
  const command = `${before} exec "$0" --import ./src/run_typescript.mjs scripts/otel_down.ts`;
  const env = { PATH: process.env.PATH ?? "", ...environment };
  return execa("sh", ["-c", command, process.execPath], { cwd, env, extendEnv: false, reject: false });
}

test("what others have put where tsx keeps its code is not run, and that is said", { skip }, async () => {
  const shared = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const cache = join(shared, `tsx-${process.geteuid!()}`);
  const elsewhere = join(shared, "elsewhere");
  try {
    chmodSync(shared, 0o1777);
    const usual = await runIn(ROOT, { TMPDIR: shared });
    assert.deepEqual([usual.exitCode, usual.stderr], [0, ""]);
    assert.ok(readdirSync(cache).length > 0); // else what follows could not fail
    const traps: [string, () => void][] = [
      ["others may write to it", () => chmodSync(cache, 0o777)],
      [
        "it is a link",
        () => {
          mkdirSync(elsewhere);
          symlinkSync(elsewhere, cache);
        },
      ],
      [
        "others may put another in its place",
        () => {
          mkdirSync(cache, { mode: 0o700 });
          chmodSync(shared, 0o777);
        },
      ],
    ];
    for (const [what, set] of traps) {
      if (what !== "others may write to it") rmSync(cache, { recursive: true, force: true });
      set();
      const before = readdirSync(cache).length;
      const { exitCode, stderr } = await runIn(ROOT, { TMPDIR: shared });
      assert.deepEqual([exitCode, readdirSync(cache).length], [0, before], what);
      assert.equal(
        stderr,
        `! not used: ${cache}, where others may put code: each start takes half a second more`,
        what,
      );
    }
  } finally {
    rmSync(shared, { recursive: true });
  }
});

test("a script says in one line that file descriptors are too few, or that packages are missing", {
  skip,
}, async () => {
  const few = await runIn(ROOT, {}, "ulimit -n 40;");
  assert.equal(few.exitCode, 2);
  assert.match(
    few.stderr,
    /^error: Cannot run: too few file descriptors: \d+ are left, 256 are wanted\nnext: {2}ulimit -n 1024, then this command again$/,
  );
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    for (const each of ["package.json", "src", "scripts"])
      cpSync(join(ROOT, each), join(folder, each), { recursive: true });
    const bare = await runIn(folder, {});
    assert.equal(bare.exitCode, 2);
    assert.equal(bare.stderr, "error: Cannot run: the package tsx is not installed\nnext:  npm ci --include=dev");
    assert.equal(existsSync(join(folder, ".prodlike")), false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
