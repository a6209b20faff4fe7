import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { takeLock } from "./lock.ts";

test("takeLock() refuses while the holder runs and takes over when it is dead", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const file = join(folder, "lock");
    assert.equal(await takeLock(file), true);
    assert.equal(await takeLock(file), false);
    writeFileSync(file, JSON.stringify({ pid: process.pid, started: "another boot" }));
    assert.equal(await takeLock(file), true);
    writeFileSync(file, "");
    assert.equal(await takeLock(file), true);
    assert.deepEqual(readdirSync(folder), ["lock"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
