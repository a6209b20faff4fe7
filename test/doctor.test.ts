import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import type { LimitFinding } from "../src/doctor/subject.ts";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime, entryCommand } from "../src/settings/runtime.ts";

/** Runs `make doctor` without make, which would turn each failure into 2. */
async function doctor(environment: Record<string, string>) {
  const { file, args } = entryCommand(join(ROOT, "scripts", "doctor.ts"), currentRuntime);
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", ...environment };
  return execa(file, args, { cwd: ROOT, env, extendEnv: false, reject: false });
}

test("doctor exits 1 with a block a finding, 2 when it could not read, and prints one object", async () => {
  const app = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const compose = `services: { worker: { image: "node:24", command: node w.js, mem_limit: 256m, memswap_limit: 256m } }`;
    writeFileSync(join(app, "compose.yaml"), compose);
    const { exitCode, stdout, stderr } = await doctor({ APP: app, JSON: "1" });
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^1 finding\.\n\n✘ heap-above-memory {2}heap limit 259 MB .*\n {4}who {4}compose.yaml worker\n {4}where {2}/,
    );
    const { ok, findings, read } = JSON.parse(stdout) as { ok: boolean; findings: LimitFinding[]; read: string[] };
    assert.deepEqual([ok, findings.map(({ rule }) => rule), read], [false, ["heap-above-memory"], ["compose.yaml"]]);

    writeFileSync(join(app, "compose.yaml"), compose.replaceAll("256m", "512m"));
    assert.equal((await doctor({ APP: app })).exitCode, 0);

    rmSync(join(app, "compose.yaml"));
    const refused = await doctor({ APP: app });
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /^error: Cannot read APP="/);
  } finally {
    rmSync(app, { recursive: true });
  }
});

test("doctor reads the settings", async () => {
  const { exitCode, stdout } = await doctor({ PRODLIKE_MEMORY: "11g" });
  assert.equal(exitCode, 1);
  assert.match(
    stdout,
    /heap limit 11,456 MB .*memory 11,264 MB, 192 MB too much\n[^✘]*PRODLIKE_OLD_SPACE_MB=\d+ or less/,
  );
});

test("doctor shows names, commands and values of others without control characters, each on its line", async () => {
  const app = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const hostile = "\x1b[2J\n\x1b[32mNo finding.\x9b\u202e";
    const service = {
      image: "node:24",
      command: ["node", "w.js", "--max-old-space-size=64", hostile],
      mem_limit: "256m",
      cpus: hostile,
      env_file: hostile,
      environment: { UV_THREADPOOL_SIZE: hostile, NODE_OPTIONS: `--max-old-space-size=${hostile}` },
    };
    writeFileSync(join(app, "compose.yaml"), JSON.stringify({ services: { [hostile]: service } }));
    const { exitCode, stdout, stderr } = await doctor({ APP: app, JSON: "1" });
    assert.equal(exitCode, 1, stderr);
    assert.doesNotMatch(stderr, /^No finding|[^\n\P{Cc}]|\u202e/mu);
    assert.match(stderr, /^ {4}who {4}compose.yaml ⟨ESC⟩\[2J⟨LF⟩⟨ESC⟩\[32mNo finding.⟨U\+009B⟩⟨U\+202E⟩$/m);
    assert.match(stderr, /^read: compose.yaml: compose.yaml ⟨ESC⟩/m);
    assert.match(stderr, /^! not read: compose.yaml services\.⟨ESC⟩.*there is no ⟨ESC⟩/m);
    const { findings } = JSON.parse(stdout) as { findings: LimitFinding[] };
    assert.ok(findings.length >= 3 && findings.every(({ subject }) => subject === `compose.yaml ${hostile}`));

    const refused = await doctor({ APP: join(app, `gone${hostile}`) });
    assert.match(
      refused.stderr,
      /^error: Cannot read APP=".*gone⟨ESC⟩\[2J⟨LF⟩\P{Cc}*": there is no such file or folder$/u,
    );
  } finally {
    rmSync(app, { recursive: true });
  }
});
