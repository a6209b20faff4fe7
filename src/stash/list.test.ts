import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LIST_FILE, parseList, readList } from "./list.ts";

test("parseList() reads a path a line, comments and the prefix, each path once", () => {
  assert.deepEqual(parseList("# mine\n\n  src/a b.ts\r\nsrc/a b.ts\nignored:x.spec.ts\nignored: y\n:(glob)**/*.ts\n"), {
    plain: ["src/a b.ts", ":(glob)**/*.ts"],
    ignored: ["x.spec.ts", "y"],
  });
});

test("readList() takes STASH_PATHS, separated by spaces or line feeds, else the file, else nothing", () => {
  const app = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    assert.equal(readList(app, undefined), undefined);
    writeFileSync(join(app, LIST_FILE), "with space.ts\n");
    assert.deepEqual(readList(app, undefined)?.plain, ["with space.ts"]);
    assert.deepEqual(readList(app, " a.ts  b.ts ignored:c.ts "), { plain: ["a.ts", "b.ts"], ignored: ["c.ts"] });
    assert.deepEqual(readList(app, "a b.ts\nc.ts")?.plain, ["a b.ts", "c.ts"]);
    writeFileSync(join(app, LIST_FILE), "# nothing\n");
    assert.throws(() => readList(app, undefined), { name: "UserError", message: /prodlike-stash": it names no path$/ });
    rmSync(join(app, LIST_FILE));
    mkdirSync(join(app, LIST_FILE));
    assert.throws(() => readList(app, undefined), { name: "UserError", message: /^Cannot read ".*it is a folder$/ });
    rmSync(join(app, LIST_FILE), { recursive: true });
    execFileSync("mkfifo", [join(app, LIST_FILE)]);
    assert.throws(() => readList(app, undefined), { message: /^Cannot read ".*it is no plain file$/ });
  } finally {
    rmSync(app, { recursive: true });
  }
});
