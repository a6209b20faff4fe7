import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { commandLine, findMarked, markOf, readMark } from "./mark.ts";

test("readMark() knows our parts by their whole command line", () => {
  const mark = markOf("/a b");
  assert.deepEqual(readMark(["/bin/node", "--import", "x", "/a b/scripts/api.ts", mark]), {
    name: "api",
    root: "/a b",
  });
  assert.deepEqual(readMark(["/x/postgres", "-D", "/y", mark]), { name: "postgres", root: "/a b" });
  for (const stranger of [
    [],
    ["/bin/node", "/a b/scripts/api.ts"],
    ["/bin/node", "/other/scripts/api.ts", mark],
    ["/bin/node", "/a b/scripts/verify.ts", mark],
    ["grep", `/a b/scripts/api.ts ${mark}`],
    ["vi", mark],
  ])
    assert.equal(readMark(stranger), undefined, stranger.join(" "));
});

test("findMarked() finds a running process by its mark, and no other's", async () => {
  const root = `/nowhere-${process.pid}`;
  const script = `${root}/scripts/worker.ts`;
  // The shell's own child, as any child before it runs its program, has the command line of its parent.
  const marked = spawn("sh", ["-c", "(sleep 60; :) & echo; wait", script, markOf(root)], { detached: true });
  try {
    await once(marked.stdout, "data");
    assert.deepEqual(
      findMarked(root).map(({ name, id }) => [name, id.pid]),
      [["worker", marked.pid]],
    );
    assert.deepEqual(commandLine(marked.pid!).slice(-2), [script, markOf(root)]);
    assert.deepEqual(findMarked("/elsewhere"), []);
  } finally {
    process.kill(-marked.pid!, "SIGKILL");
  }
});
