import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { ROOT } from "../config.ts";
import { currentRuntime, entryCommand } from "../runtime.ts";
import { LogOutput } from "./log_output.ts";

const notice = (dropped: number, why: string) => `dropped ${dropped}: ${why}\n`;

test("LogOutput.write() drops lines on a full disk, leaves no half one, and says how many when there is room", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    rmSync(folder, { recursive: true });
    return t.skip(`SKIPPED: needs the right to mount a small file system: ${(error as Error).message.trim()}`);
  }
  try {
    const file = join(folder, "log");
    const output = new LogOutput(openSync(file, "a"), notice);
    const line = (i: number) => `${i} ${"x".repeat(1_000)}\n`;
    for (let i = 0; i < 100; i++) output.write(line(i));
    const written = readFileSync(file, "utf8").split("\n").length - 1;
    assert.ok(written > 50 && written < 66, String(written));
    // The end of the half line comes first, the lines that follow are whole.
    const half = readFileSync(file, "utf8").split("\n").at(-1)!;
    writeFileSync(join(folder, "log"), half);
    output.write("again\n");
    output.write("and again\n");
    const lines = readFileSync(file, "utf8").split("\n");
    assert.deepEqual(lines, [line(written).trimEnd(), `dropped ${99 - written}: ENOSPC`, "again", "and again", ""]);
  } finally {
    execFileSync("umount", ["--lazy", folder]); // the file is still open
    rmSync(folder, { recursive: true });
  }
});

test("LogOutput.write() drops lines for a reader that does not read, and goes on when it does", async () => {
  const { file, args } = entryCommand("-", currentRuntime);
  const child = spawn(file, [...(currentRuntime === "node" ? ["--input-type=module"] : []), ...args], { cwd: ROOT });
  // Node's own stream makes the pipe one that does not block.
  child.stdin.end(`
    process.stdout.write("");
    const { LogOutput } = await import(${JSON.stringify(join(import.meta.dirname, "log_output.ts"))});
    const output = new LogOutput(1, (dropped, why) => "dropped " + dropped + " " + why + "\\n");
    let i = 0;
    const next = () => output.write(i++ + " " + "x".repeat(1000) + "\\n");
    while (i < 1000) next();
    process.stderr.write("written");
    setInterval(next, 10);
  `);
  try {
    await once(child.stderr, "data");
    let before = -1;
    let dropped = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [first, second] = line.split(" ");
      if (first === "dropped") {
        assert.match(line, /^dropped \d+ EAGAIN$/);
        dropped = Number(second);
        continue;
      }
      assert.equal(second!.length, 1_000);
      assert.equal(Number(first), before + dropped + 1);
      before = Number(first);
      if (dropped > 0) break;
    }
    assert.ok(dropped > 800, String(dropped));
  } finally {
    child.kill("SIGKILL");
  }
});
