import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { currentRuntime, entryCommand } from "../settings/runtime.ts";
import { waitFor } from "../wait_for.ts";
import { endProcess, identify, isAlive, signalProcess } from "./process_id.ts";

test("isAlive() tells a process from a later one with the same pid", async () => {
  const child = spawn("sleep", ["60"]);
  try {
    const id = identify(child.pid!)!;
    assert.equal(isAlive(id), true);
    assert.equal(isAlive({ ...id, started: `${id.started}0` }), false);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  assert.equal(identify(child.pid!), undefined);
});

test("isAlive() takes nobody for dead that it cannot see for want of file descriptors", async () => {
  const { file, args } = entryCommand("-", currentRuntime);
  const source = `
    import { openSync } from "node:fs";
    const { identify, isAlive } = await import(${JSON.stringify(join(import.meta.dirname, "process_id.ts"))});
    const id = identify(process.pid);
    const tell = (step) => {
      try {
        return step();
      } catch ({ code }) {
        return code;
      }
    };
    let code;
    while (code !== "EMFILE") code = tell(() => void openSync("/dev/null"));
    const seen = tell(() => isAlive(id));
    process.stdout.write(String(seen));
    process.exit();
  `;
  const limited = ["-c", 'ulimit -n 400; exec "$@"', "sh", file];
  const flags = currentRuntime === "node" ? ["--input-type=module"] : [];
  const { stdout } = await execa("sh", [...limited, ...flags, ...args], { input: source });
  assert.equal(stdout, "EMFILE");
});

test("isAlive() takes a zombie for gone", async () => {
  // The shell starts a child and replaces itself by a program that never waits for it.
  const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
  try {
    const [text] = await once(parent.stdout, "data");
    const pid = Number(String(text));
    const isReplaced = async () => {
      const { stdout } = await execa("ps", ["-o", "args=", "-p", String(parent.pid)]);
      return stdout.startsWith("sleep") || undefined;
    };
    await waitFor(isReplaced, "the program that replaces the shell");
    process.kill(pid, "SIGKILL");
    await waitFor(() => (identify(pid) === undefined ? true : undefined), "the end of the child");
    process.kill(pid, 0); // it is still in the process table
  } finally {
    parent.kill("SIGKILL");
    await once(parent, "exit");
  }
});

test("signalProcess() leaves a stranger with the same pid alone", async () => {
  const child = spawn("sleep", ["60"]);
  try {
    const id = identify(child.pid!)!;
    signalProcess({ ...id, started: "another time" }, "SIGKILL");
    assert.equal(isAlive(id), true);
  } finally {
    child.kill("SIGKILL");
    await once(child, "exit");
  }
});

test("endProcess() kills what does not end in time", async () => {
  const stubborn = spawn("sh", ["-c", "trap '' TERM; echo trapped; while :; do sleep 1; done"]);
  await once(stubborn.stdout, "data");
  assert.equal(await endProcess(identify(stubborn.pid!)!, { signal: "SIGTERM", graceMs: 50 }), "killed");

  const polite = spawn("sleep", ["60"]);
  assert.equal(await endProcess(identify(polite.pid!)!, { signal: "SIGTERM", graceMs: 10_000 }), "ended");
});
