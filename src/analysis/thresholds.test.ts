import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../settings/environment.ts";
import { THRESHOLDS } from "./thresholds.ts";

const documented = readFileSync(join(ROOT, "docs", "verdicts.md"), "utf8");

test("docs/verdicts.md has every threshold with its source, and no other", () => {
  const rows = Object.entries(THRESHOLDS).map(
    ([name, { value, unit, source }]) => `| \`${name}\` | ${value} | ${unit} | ${source} |`,
  );
  const [, table = ""] = documented.split("## Thresholds");
  const found = table
    .split("\n## ")[0]!
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  assert.deepEqual(found, rows);
});

test("docs/verdicts.md has every rule", () => {
  const rules = rulesSources().flatMap((source) => [...source.matchAll(/rule: "([a-z-]+)"/g)].map(([, rule]) => rule!));
  const [, table = ""] = documented.split("## Rules");
  const found = [...table.split("\n## ")[0]!.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, rule]) => rule!);
  assert.ok(rules.length > 10);
  assert.deepEqual([...new Set(rules)].sort(), found.sort());
});

function rulesSources(): string[] {
  const folder = join(ROOT, "src", "analysis", "rules");
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
}
