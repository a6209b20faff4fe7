import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { currentRuntime, entryCommand } from "../settings/runtime.ts";

/** Runs a script whose `main` has this body. */
function run(body: string, environment: Record<string, string> = {}) {
  const { file, args } = entryCommand("-", currentRuntime);
  const input = `
    const { EXIT, runScript } = await import(${JSON.stringify(join(import.meta.dirname, "terminal.ts"))});
    const { FailedError, UserError } = await import(${JSON.stringify(join(import.meta.dirname, "user_error.ts"))});
    await runScript(async (config, { say, print, paint, signal }) => { ${body} });`;
  const module = currentRuntime === "node" ? ["--input-type=module"] : [];
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment };
  return execa(file, [...module, ...args], { input, env, extendEnv: false, reject: false });
}

test("runScript() sends the result to stdout and the rest to stderr, with JSON=1 one object and the rest", async () => {
  const body = `say("progress"); print(paint("green", "Passed")); return { code: EXIT.disproved, json: { a: 1 } };`;
  const { exitCode, stdout, stderr } = await run(body);
  assert.deepEqual([exitCode, stdout, stderr], [1, "Passed", "progress"]);
  const asJson = await run(body, { JSON: "1" });
  assert.deepEqual([asJson.exitCode, asJson.stdout, asJson.stderr], [1, '{"a":1}', "progress\nPassed"]);
});

test("runScript() writes no escape sequence of others, and lines of theirs are no lines of ours", async () => {
  const hostile = String.raw`"\x1b[32mProved\x1b[0m\x1b]0;title\x07\r\nProved: all"`;
  const printed = await run(`print(${hostile}); return { code: 0, json: {} };`);
  assert.equal(printed.stdout, "Proved⟨ESC⟩]0;title⟨BEL⟩⟨CR⟩\nProved: all");
  const failed = await run(`throw new FailedError(${hostile}, { next: "look" });`);
  assert.deepEqual(
    [failed.exitCode, failed.stdout, failed.stderr],
    [1, "Failed: ⟨ESC⟩[32mProved⟨ESC⟩[0m⟨ESC⟩]0;title⟨BEL⟩⟨CR⟩\n  Proved: all", "next:  look"],
  );
  const refused = await run(`throw new UserError(${hostile});`);
  assert.deepEqual([refused.exitCode, refused.stdout], [2, ""]);
  assert.equal(refused.stderr, "error: ⟨ESC⟩[32mProved⟨ESC⟩[0m⟨ESC⟩]0;title⟨BEL⟩⟨CR⟩\n  Proved: all");
});

const skip =
  (process.platform !== "linux" && "there is no /dev/full") ||
  (currentRuntime === "deno" && "Deno throws at the write itself");

test("runScript() fails when its result cannot be written", { skip }, async () => {
  const { file, args } = entryCommand(join(import.meta.dirname, "../../scripts/otel_down.ts"), currentRuntime);
  const { exitCode, stderr } = await execa("sh", ["-c", '"$0" "$@" > /dev/full', file, ...args], { reject: false });
  assert.deepEqual([exitCode, /^error: Cannot write the result: .*ENOSPC/m.test(stderr)], [2, true], stderr);
});
