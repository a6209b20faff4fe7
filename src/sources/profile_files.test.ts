import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { profilesIn } from "./profile_files.ts";

test("profilesIn() finds the profiles whose windows overlap with another, the oldest first", () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const folder = join(root, "profiles");
  try {
    const names = ["100-199", "150-200", "201-299-2", "300-400", "301-400", "100-1000"].map((name) => `${name}.pb.gz`);
    for (const service of ["a", "b%2Fc"]) {
      mkdirSync(join(folder, service), { recursive: true });
      for (const name of [...names, ".draft", "1-2.txt"]) writeFileSync(join(folder, service, name), name);
    }
    const window = { fromMs: 200, untilMs: 300 };
    const found = profilesIn(folder, window);
    assert.deepEqual([...new Set(found.map(({ service }) => service))].sort(), ["a", "b/c"]);
    assert.deepEqual(
      found.filter(({ service }) => service === "a").map(({ fromMs }) => fromMs),
      [100, 150, 201, 300],
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});
