import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { copyProfiles } from "./copy_window.ts";

test("copyProfiles() takes the profiles whose windows overlap with that of the run", () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const folder = join(root, "profiles");
  try {
    const names = ["100-199", "150-200", "201-299-2", "300-400", "301-400", "100-1000"].map((name) => `${name}.pb.gz`);
    for (const service of ["a", "b%2Fc"]) {
      mkdirSync(join(folder, service), { recursive: true });
      for (const name of [...names, ".draft", "1-2.txt"]) writeFileSync(join(folder, service, name), name);
    }
    const window = { fromMs: 200, untilMs: 300 };
    copyProfiles(folder, join(root, "run"), window);
    const expected = ["100-1000.pb.gz", "150-200.pb.gz", "201-299-2.pb.gz", "300-400.pb.gz"];
    for (const service of ["a", "b%2Fc"]) assert.deepEqual(readdirSync(join(root, "run", service)).sort(), expected);
    copyProfiles(folder, join(root, "nothing"), { fromMs: 5_000, untilMs: 6_000 });
    copyProfiles(join(root, "missing"), join(root, "nothing"), window);
    assert.equal(existsSync(join(root, "nothing")), false);
  } finally {
    rmSync(root, { recursive: true });
  }
});
