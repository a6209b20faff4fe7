import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { ARGUMENTS, SETTINGS } from "../src/settings/table.ts";

function make(args: string[], environment: Record<string, string> = {}) {
  return execa("make", args, { cwd: ROOT, env: { MAKEFLAGS: "", MFLAGS: "", ...environment }, reject: false });
}

test("make prints the menu: every target and every setting with its current value", async () => {
  const secrets = {
    QUEUE_URL: "redis://user:s3cret@/x@127.0.0.1/2?password=s3cret",
    HEALTH_URL: "http://user:s3cret@127.0.0.1:9/health?token=s3cret&verbose=1",
    JOB_REQUEST: 'POST http://s3cret@127.0.0.1/jobs?key=s3cret {"password":"s3cret"}\nPUT http://127.0.0.1/x',
    API_ENV: 'TOKEN=s3cret OTHER="s3cret s3cret" \'half=s3cret',
    PRODLIKE_ENV: "NODE_ENV=production API_KEY=s3cret",
  };
  const { stdout } = await make([], { API_PORT: "3999", WORKER_ENV: "s3cret", ...secrets });
  const targets = readFileSync(join(ROOT, "Makefile"), "utf8").matchAll(/^([a-z-]+):.*##/gm);
  for (const [, target] of targets) assert.match(stdout, new RegExp(`^  ${target} `, "m"));
  const isSet = (name: string) => name === "API_PORT" || name === "WORKER_ENV" || name in secrets;
  for (const { name, default: value } of SETTINGS) {
    if (!isSet(name) && !process.env[name]) assert.match(stdout, new RegExp(`^  ${name} +${value || "-"} `, "m"));
  }
  assert.match(stdout, /^ {2}API_PORT +3999 /m);
  assert.doesNotMatch(stdout, /s3cret/);
  for (const shown of [
    /^ {2}HEALTH_URL +http:\/\/127\.0\.0\.1:9\/health\?token=\.\.\.&verbose=\.\.\. /m,
    /^ {2}JOB_REQUEST +POST http:\/\/127\.0\.0\.1\/jobs\?key=\.\.\. \.\.\.; PUT http:\/\/127\.0\.0\.1\/x /m,
    /^ {2}API_ENV +TOKEN=\*\*\* OTHER=\*\*\* /m,
    /^ {2}WORKER_ENV +\*\*\* /m,
    /^ {2}PRODLIKE_ENV +NODE_ENV=production API_KEY=\*\*\* /m,
  ])
    assert.match(stdout, shown);
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
      ["20.20.2", "error: Cannot find git: install it (https://git-scm.com)"],
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

test("the menu names the benchmarks that PART allows, and each is there", async () => {
  const { allowed = [] } = ARGUMENTS.find(({ name }) => name === "PART")!; // it is in the table
  assert.match((await make([])).stdout, new RegExp(`PART=${allowed.join("\\|")}\n`));
  const files = allowed.filter((part) => existsSync(join(ROOT, "bench", `${part}.ts`)));
  assert.deepEqual(files, allowed);
});

test("make refuses another Node than those of test/runtimes", async () => {
  assert.match((await make(["test", "NODE=23"])).stderr, /Cannot use NODE="23": allowed values are 22, 24/);
});

test("the Makefile is a menu: under 100 lines, one line a recipe", () => {
  const text = readFileSync(join(ROOT, "Makefile"), "utf8");
  assert.ok(text.split("\n").length < 100);
  assert.doesNotMatch(text, /^\t.*\n\t/m);
});
