import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime, entryCommand } from "../src/settings/runtime.ts";
import { makeRepository, type TestRepository } from "./stash_repository.ts";

const TRACKED = ["apps/api/src/main.ts", "apps/worker/src/main.ts", "libs/core/config/log/otel.ts"];
const UNTRACKED = ["docker-compose.otel.yml", "docker/otel-collector.yml", "docker-compose.worker-prodlike.yml"];
const IGNORED = "libs/core/config/log/__tests__/otel.spec.ts";
const LIST = ["# the way back to production", ...TRACKED, ...UNTRACKED, `ignored:${IGNORED}`, "gone.ts", "same.ts", ""];

/** An application with the changes of the list, and with one that is not on it. */
async function makeApplication(): Promise<TestRepository> {
  const repository = await makeRepository();
  for (const path of [...TRACKED, "other.ts", "same.ts"]) repository.write(path, `// ${path}\n`);
  repository.write(".gitignore", "__tests__\n");
  repository.write(".prodlike-stash", LIST.join("\n"));
  await repository.git(["add", "."]);
  await repository.git(["commit", "--quiet", "--message=one"]);
  for (const path of [...TRACKED, "other.ts"]) repository.write(path, `// ${path}\nstaged\n`, 0o755);
  await repository.git(["add", "."]);
  repository.write(TRACKED[0]!, "// staged, and then this\r\n", 0o600);
  for (const path of [...UNTRACKED, IGNORED]) repository.write(path, `# ${path}\n`);
  return repository;
}

function start(
  script: "stash" | "unstash",
  { folder, environment }: TestRepository,
  extra: Record<string, string> = {},
) {
  const { file, args } = entryCommand(join(ROOT, "scripts", `${script}.ts`), currentRuntime);
  const env = { ...environment, APP: folder, ...extra };
  return execa(file, args, { cwd: ROOT, env, extendEnv: false, reject: false });
}

test("stash sets the list aside, git status has no more of it, unstash brings exactly it back", async () => {
  const repository = await makeApplication();
  try {
    const before = await repository.snapshot();
    const stashed = await start("stash", repository, { YES: "1", JSON: "1" });
    assert.equal(stashed.exitCode, 0, stashed.stderr);
    const { ok, outcome, entries, paths, skipped } = JSON.parse(stashed.stdout);
    assert.deepEqual([ok, outcome, paths.length], [true, "set aside", 7]);
    assert.deepEqual(skipped, [
      { path: "gone.ts", reason: "does not exist" },
      { path: "same.ts", reason: "has not changed" },
    ]);
    assert.match(stashed.stderr, /^ {2}modified \(staged\), modified {2}apps\/api\/src\/main\.ts$/m);

    const during = await repository.snapshot();
    assert.deepEqual(
      during.status.map((line) => line.split(" ").at(-1)),
      ["other.ts"],
    );
    assert.equal(existsSync(join(repository.folder, "docker")), false);
    assert.equal(
      await repository.git(["stash", "list"]),
      "stash@{0}: On main: otel-test\nstash@{1}: On main: otel+pyroscope+worker-prodlike\n",
    );
    assert.equal(during.stash, `${entries[1].commit}\n${entries[0].commit}\n`);

    const again = await start("stash", repository, { YES: "1" });
    assert.equal(again.exitCode, 1);
    assert.match(
      again.stderr,
      /^refused: Cannot set more aside: 7 paths are set aside already\nnext: {2}make unstash$/m,
    );

    const back = await start("unstash", repository, { JSON: "1" });
    assert.equal(back.exitCode, 0, back.stderr);
    assert.equal(JSON.parse(back.stdout).outcome, "back");
    assert.deepEqual(await repository.snapshot(), before);
    assert.equal((await start("unstash", repository)).exitCode, 2);
  } finally {
    repository.close();
  }
});

test("stash only shows with DRY=1, wants YES=1 without a terminal, and without a list says what could be on it", async () => {
  const repository = await makeApplication();
  try {
    const before = await repository.snapshot();
    const dry = await start("stash", repository, { DRY: "1", JSON: "1" });
    assert.deepEqual([dry.exitCode, JSON.parse(dry.stdout).outcome], [0, "dry"]);
    const asked = await start("stash", repository);
    assert.deepEqual([asked.exitCode, /next: {2}add YES=1$/.test(asked.stderr)], [2, true]);
    const nothing = await start("stash", repository, { STASH_PATHS: "same.ts gone.ts", YES: "1" });
    assert.deepEqual([nothing.exitCode, /Nothing to set aside\.$/.test(nothing.stdout)], [0, true]);
    assert.deepEqual(await repository.snapshot(), before);

    await repository.git(["rm", "--quiet", "--force", ".prodlike-stash"]);
    const unlisted = await start("stash", repository, { YES: "1" });
    assert.equal(unlisted.exitCode, 2);
    assert.match(unlisted.stderr, /untracked +docker\/otel-collector\.yml$/m);
    assert.match(unlisted.stderr, /^next: {2}write paths into \.prodlike-stash, .* STASH_PATHS="/m);
  } finally {
    repository.close();
  }
});

test("stash takes STASH_PATHS, and paths of a folder of the repository", async () => {
  const repository = await makeApplication();
  try {
    const before = await repository.snapshot();
    const app = { APP: join(repository.folder, "apps"), YES: "1" };
    const outside = await start("stash", repository, { ...app, STASH_PATHS: "../other.ts" });
    assert.equal(outside.exitCode, 2);
    assert.match(outside.stderr, /^error: Cannot set "other\.ts" aside: it is outside of the application's folder$/m);
    assert.equal((await start("stash", repository, { ...app, STASH_PATHS: "../../etc/passwd" })).exitCode, 2);
    assert.deepEqual(await repository.snapshot(), before);
    assert.equal((await start("stash", repository, { ...app, STASH_PATHS: "api ./worker/src/main.ts" })).exitCode, 0);
    assert.deepEqual(
      (await repository.snapshot()).status.filter((line) => line.includes("apps/")),
      [],
    );
    assert.equal((await start("unstash", repository)).exitCode, 0);
    assert.deepEqual(await repository.snapshot(), before);
  } finally {
    repository.close();
  }
});

test("git alone brings the entries back, without prodlike", async () => {
  const repository = await makeApplication();
  try {
    // git applies an index to a clean one only, whoever made the entry.
    await repository.git(["commit", "--quiet", "--message=two", "--", "other.ts"]);
    const before = await repository.snapshot();
    assert.equal((await start("stash", repository, { YES: "1" })).exitCode, 0);
    await repository.git(["stash", "apply", "--quiet", "--index", "stash@{1}"]);
    await repository.git(["stash", "apply", "--quiet", "stash@{0}"]);
    const { files, index, status } = await repository.snapshot();
    const content = (state: string) => state.split(" ").slice(2).join(" ");
    assert.deepEqual(Object.keys(files), Object.keys(before.files));
    for (const [path, state] of Object.entries(files)) assert.equal(content(state), content(before.files[path]!), path);
    assert.deepEqual([index, status], [before.index, before.status]);
    assert.equal(
      await repository.git(["cat-file", "blob", `stash@{1}^4:changed/${TRACKED[0]}`]),
      "// staged, and then this\r\n",
    );
  } finally {
    repository.close();
  }
});
