import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { commandLine, findMarked, markArguments, markEnvironment, markedAs, readMark } from "./mark.ts";

test("readMark() knows our parts by their whole command line", () => {
  const args = markArguments(["--import", "x", "/a:b c/scripts/api.ts"], { name: "api", root: "/a:b c" });
  assert.deepEqual(readMark(["/bin/node", ...args]), { name: "api", root: "/a:b c" });
  const mark = args.at(-1)!;
  for (const stranger of [
    [],
    ["/bin/node", ...args.slice(0, -1)],
    ["/bin/node", "/other/scripts/api.ts", mark],
    ["/bin/node", ...args, "more"],
    ["grep", `/a:b c/scripts/api.ts ${mark}`],
    ["vi", mark],
    ["/bin/node", ...args.slice(0, -1), mark.replace("=api:", "=shell:")],
  ])
    assert.equal(readMark(stranger), undefined, stranger.join(" "));
});

test("findMarked() finds a running process by its mark, and no other's", async () => {
  const root = `/nowhere-${process.pid}`;
  const script = `${root}/scripts/worker.ts`;
  // The shell's own child, as any child before it runs its program, has the command line of its parent.
  const args = markArguments(["-c", "(sleep 60; :) & echo; wait", script], { name: "worker", root });
  const marked = spawn("sh", args, { detached: true });
  try {
    await once(marked.stdout, "data");
    assert.deepEqual(
      findMarked(root).map(({ name, id }) => [name, id.pid]),
      [["worker", marked.pid]],
    );
    assert.deepEqual(commandLine(marked.pid!).slice(-2), args.slice(-2));
    assert.deepEqual(findMarked("/elsewhere"), []);
  } finally {
    process.kill(-marked.pid!, "SIGKILL");
  }
});

test("findMarked() finds a process that is marked by a variable, and none that has inherited it", {
  skip: process.platform === "linux" ? false : "no other system tells the environment of a process",
}, async () => {
  const root = `/nowhere:${process.pid}`;
  const args = ["-c", "sh -c 'echo; sleep 60; :' & wait", "/app/main.js", "worker"];
  const mark = markEnvironment(args, { name: "worker", root });
  const marked = spawn("sh", args, { detached: true, env: { PATH: process.env.PATH, ...mark } });
  try {
    await once(marked.stdout, "data");
    assert.deepEqual(
      findMarked(root).map(({ name, id }) => [name, id.pid]),
      [["worker", marked.pid]],
    );
    assert.deepEqual(markedAs(marked.pid!), { name: "worker", root });
    assert.deepEqual(commandLine(marked.pid!).slice(1), args);
    process.kill(marked.pid!, "SIGKILL");
    await once(marked, "exit"); // what it has started goes on
    assert.deepEqual(findMarked(root), []);
  } finally {
    process.kill(-marked.pid!, "SIGKILL");
  }
});
