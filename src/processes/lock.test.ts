import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { takeLock } from "./lock.ts";

test("takeLock() refuses while the holder runs and takes over when it is dead", () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const file = join(folder, "lock");
    assert.equal(takeLock(file), true);
    assert.equal(takeLock(file), false);
    writeFileSync(file, JSON.stringify({ pid: process.pid, started: "another boot" }));
    assert.equal(takeLock(file), true);
    writeFileSync(file, "");
    assert.equal(takeLock(file), true);
    assert.deepEqual(readdirSync(folder), ["lock"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
