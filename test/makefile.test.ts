import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { ROOT } from "../src/config.ts";
import { SETTINGS } from "../src/settings.ts";

function make(args: string[], environment: Record<string, string> = {}) {
  return execa("make", args, { cwd: ROOT, env: { MAKEFLAGS: "", MFLAGS: "", ...environment }, reject: false });
}

test("make prints the menu: every target and every setting with its current value", async () => {
  const { stdout } = await make([], { API_PORT: "3999", QUEUE_URL: "redis://user:secret@127.0.0.1/" });
  const targets = readFileSync(join(ROOT, "Makefile"), "utf8").matchAll(/^([a-z-]+):.*##/gm);
  for (const [, target] of targets) assert.match(stdout, new RegExp(`^  ${target} `, "m"));
  for (const { name, default: value } of SETTINGS.filter(
    (each) => each.name !== "API_PORT" && each.name !== "QUEUE_URL",
  )) {
    if (!process.env[name]) assert.match(stdout, new RegExp(`^  ${name} +${value || "-"} `, "m"));
  }
  assert.match(stdout, /^ {2}API_PORT +3999 /m);
  assert.ok(!stdout.includes("secret"));
});

test("make says in one line that Node is too old, or that git is missing", async () => {
  const bin = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const program = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  try {
    for (const name of ["sh", "awk"]) symlinkSync((await execa("which", [name])).stdout, join(bin, name));
    const found = (await execa("which", ["make"])).stdout;
    const run = () => execa(found, ["verify"], { cwd: ROOT, env: { PATH: bin }, extendEnv: false, reject: false });
    for (const [version, message] of [
      ["", "error: Cannot find node: install Node.js 20.20.2 or newer (https://nodejs.org)"],
      ["20.9.1", "error: Cannot run on Node.js 20.9.1: 20.20.2 or newer is wanted (https://nodejs.org)"],
      ["20.20.2", "error: Cannot find git: the sample application reviews commits (https://git-scm.com)"],
    ] as const) {
      if (version) program("node", `echo ${version}`);
      program("npm", "");
      const { stderr, exitCode } = await run();
      assert.equal(stderr.split("\n")[0], message);
      assert.equal(exitCode, 2);
    }
  } finally {
    rmSync(bin, { recursive: true });
  }
});

test("make refuses another Node than those of test/runtimes", async () => {
  assert.match((await make(["test", "NODE=23"])).stderr, /Cannot use NODE="23": allowed values are 22, 24/);
});

test("the Makefile is a menu: under 100 lines, one line a recipe", () => {
  const text = readFileSync(join(ROOT, "Makefile"), "utf8");
  assert.ok(text.split("\n").length < 100);
  assert.doesNotMatch(text, /^\t.*\n\t/m);
});
