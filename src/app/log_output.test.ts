import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { withSmallDisk } from "../../test/small_disk.ts";
import { ROOT } from "../settings/environment.ts";
import { currentRuntime, entryCommand } from "../settings/runtime.ts";
import { LogOutput } from "./log_output.ts";

/** After half a line Deno throws, and does not tell how much it wrote; and it keeps a pipe from being one that does not block. */
const skip = currentRuntime === "deno" && "Deno does not tell how much it wrote";

test(
  "LogOutput.write() drops lines on a full disk, leaves no half one, and says how many when there is room",
  { skip },
  (t) =>
    withSmallDisk(t, (folder) => {
      const file = join(folder, "log");
      const descriptor = openSync(file, "a");
      try {
        const output = new LogOutput(descriptor, (dropped, why) => `dropped ${dropped}: ${why}\n`);
        const line = (i: number) => `${i} ${"x".repeat(1_000)}`;
        for (let i = 0; i < 100; i++) output.write(`${line(i)}\n`);
        const whole = readFileSync(file, "utf8").split("\n");
        const half = whole.pop()!;
        assert.ok(half.length > 0 && whole.length > 50 && whole.length < 70, `${whole.length} and ${half.length}`);
        // What is left of the half line comes first.
        writeFileSync(file, half);
        output.write("again\n");
        output.write("and again\n");
        const dropped = `dropped ${99 - whole.length}: ENOSPC`;
        assert.deepEqual(readFileSync(file, "utf8").split("\n"), [
          line(whole.length),
          dropped,
          "again",
          "and again",
          "",
        ]);
      } finally {
        closeSync(descriptor);
      }
    }),
);

test("LogOutput.write() drops lines for a reader that does not read, and goes on when it does", { skip }, async () => {
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
