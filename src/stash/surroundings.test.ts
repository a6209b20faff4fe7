import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeRepository, type TestRepository } from "../../test/stash_repository.ts";

async function grow({ git, write }: TestRepository): Promise<void> {
  for (const path of ["a.ts", "ü/b.ts"]) write(path, `${path}\n`);
  await git(["add", "."]);
  await git(["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--message=one"]);
  write("a.ts", "changed\r\nmixed\n");
  write("ü/new", "new\r\nmixed\n", 0o600);
}

async function thereAndBack(repository: TestRepository, paths = 2): Promise<void> {
  const before = await repository.snapshot();
  assert.equal((await repository.stash(".")).length, paths);
  assert.deepEqual((await repository.snapshot()).status, []);
  assert.equal(await repository.unstash(), true);
  assert.deepEqual(await repository.snapshot(), before);
}

const configurations: Record<string, string[]> = {
  "names quoted": ["core.quotePath=true", "core.precomposeUnicode=true"],
  "another status": [
    "status.showUntrackedFiles=no",
    "status.relativePaths=true",
    "status.branch=true",
    "status.short=true",
  ],
  "line ends converted": ["core.autocrlf=true", "core.safecrlf=true"],
  "line ends of input converted": ["core.autocrlf=input", "core.eol=crlf"],
  "a file system monitor that lies": ["core.fsmonitor=true", "core.untrackedCache=true"],
  "stash with opinions": ["stash.showIncludeUntracked=true", "stash.showPatch=true"],
  "commits signed": ["commit.gpgSign=true", "gpg.program=/bin/false", "log.showSignature=true"],
  "modes not trusted": ["core.fileMode=false"],
  "stat not trusted": ["core.ignoreStat=true", "core.checkStat=minimal", "core.trustctime=false"],
  "an index in two parts": ["core.splitIndex=true", "index.version=4"],
  "a name wanted and not given": ["user.useConfigOnly=true"],
};
for (const [what, settings] of Object.entries(configurations)) {
  test(`stash and unstash work with ${what}`, async () => {
    const repository = await makeRepository({ user: what !== "a name wanted and not given" });
    try {
      await grow(repository);
      for (const setting of settings) await repository.git(["config", ...setting.split("=")]);
      // What status shows is what the test compares, so its own settings are undone for it.
      await repository.git(["update-index", "-q", "--refresh"]).catch(() => {});
      await thereAndBack(repository);
    } finally {
      repository.close();
    }
  });
}

test("stash and unstash are not led astray by the variables that git sets in a hook", async () => {
  const repository = await makeRepository();
  try {
    await grow(repository);
    Object.assign(repository.environment, {
      GIT_DIR: "/nowhere",
      GIT_WORK_TREE: "/nowhere",
      GIT_INDEX_FILE: "/nowhere",
      GIT_LITERAL_PATHSPECS: "1",
      GIT_OBJECT_DIRECTORY: "/nowhere",
    });
    await thereAndBack(repository);
  } finally {
    repository.close();
  }
});

test("entries of other people stay where they are in the list", async () => {
  const repository = await makeRepository();
  try {
    await grow(repository);
    await repository.git(["stash", "push", "--quiet", "--include-untracked", "--message=first"]);
    await repository.git(["stash", "apply", "--quiet"]);
    const before = await repository.snapshot();
    await repository.stash(".");
    repository.write("later", "");
    await repository.git(["stash", "push", "--quiet", "--include-untracked", "--message=second"]);
    await repository.unstash();
    const { stash, ...after } = await repository.snapshot();
    assert.deepEqual({ ...after, stash: before.stash }, before);
    assert.equal(await repository.git(["stash", "list"]), "stash@{0}: On main: second\nstash@{1}: On main: first\n");
    assert.equal(stash.split("\n")[1], before.stash.trim());
  } finally {
    repository.close();
  }
});

test("an entry that was popped by hand does not block the next stash", async () => {
  const repository = await makeRepository();
  try {
    await grow(repository);
    const before = await repository.snapshot();
    await repository.stash(".");
    await repository.git(["stash", "pop", "--quiet", "--index"]);
    await assert.rejects(repository.unstash(), /is gone from git stash list$/);
    assert.equal((await repository.stash(".")).length, 2);
    await repository.unstash();
    assert.deepEqual((await repository.snapshot()).status, before.status);
  } finally {
    repository.close();
  }
});

test("stash and unstash work in a linked working tree, with a record of its own", async () => {
  const repository = await makeRepository();
  const linked = mkdtempSync(join(realpathSync(tmpdir()), "prodlike-linked-"));
  try {
    await grow(repository);
    rmSync(linked, { recursive: true });
    await repository.git(["worktree", "add", "--quiet", "--detach", linked]);
    const second = await makeRepository({ at: linked });
    second.write("a.ts", "changed there\n");
    await repository.stash(".");
    await thereAndBack(second, 1);
    await repository.unstash();
    await thereAndBack(repository);
  } finally {
    repository.close();
    rmSync(linked, { recursive: true, force: true });
  }
});

test("stash and unstash work with ids of SHA-256", async () => {
  const repository = await makeRepository({ objects: "sha256" });
  try {
    await grow(repository);
    await repository.git(["add", "--intent-to-add", "ü/new"]);
    await thereAndBack(repository);
  } finally {
    repository.close();
  }
});

test("what is set aside is clean by the attributes that are left", async () => {
  const repository = await makeRepository();
  try {
    repository.write(".gitattributes", "*.ts -text\n");
    repository.write("a.ts", "one\n");
    await repository.git(["add", "."]);
    await repository.git(["commit", "--quiet", "--message=one"]);
    repository.write(".gitattributes", "*.ts text eol=crlf\n");
    repository.write("a.ts", "two\r\n");
    await thereAndBack(repository);
  } finally {
    repository.close();
  }
});

test("a link where a folder was leads nowhere: what is behind it stays", async () => {
  const repository = await makeRepository();
  try {
    await grow(repository);
    repository.write("other/b.ts", "not listed\n");
    rmSync(join(repository.folder, "ü"), { recursive: true });
    symlinkSync("other", join(repository.folder, "ü"));
    const before = await repository.snapshot();
    assert.deepEqual(await repository.stash("ü"), ["ü/b.ts", "ü"]);
    assert.equal((await repository.snapshot()).files["other/b.ts"], "file 644 not listed\n");
    await repository.unstash();
    assert.deepEqual(await repository.snapshot(), before);
  } finally {
    repository.close();
  }
});

test("a path that was removed from the index and is ignored is set aside once", async () => {
  const repository = await makeRepository();
  try {
    await grow(repository);
    await repository.git(["stash", "push", "--quiet", "--include-untracked"]);
    await repository.git(["stash", "drop", "--quiet"]);
    await repository.git(["rm", "--quiet", "--cached", "a.ts"]);
    repository.write(".git/info/exclude", "a.ts\n");
    const before = await repository.snapshot();
    assert.deepEqual(await repository.stash("ignored:a.ts"), ["a.ts"]);
    await repository.unstash();
    assert.deepEqual(await repository.snapshot(), before);
  } finally {
    repository.close();
  }
});

test("folders come back with their modes, and those that were empty stay", async () => {
  const repository = await makeRepository();
  try {
    await grow(repository);
    repository.write("closed/inner/new", "");
    repository.write("half/empty/x", "");
    repository.write("half/new", "");
    rmSync(join(repository.folder, "half/empty/x"));
    chmodSync(join(repository.folder, "closed"), 0o700);
    chmodSync(join(repository.folder, "closed/inner"), 0o2750);
    const before = await repository.snapshot();
    await repository.stash(".");
    const { files } = await repository.snapshot();
    assert.deepEqual([files.closed, files["half/empty"]], [undefined, "folder 755"]);
    await repository.unstash();
    assert.deepEqual(await repository.snapshot(), before);
  } finally {
    repository.close();
  }
});

test("a file that git calls modified for its size alone is set aside like any other", async () => {
  const repository = await makeRepository();
  try {
    repository.write(".gitattributes", "*.ts text eol=lf\n");
    repository.write("a.ts", "one\r\n");
    await repository.git(["add", "."]);
    await repository.git(["commit", "--quiet", "--message=one"]);
    repository.write("a.ts", "one\n");
    const before = await repository.snapshot();
    assert.equal(before.status.length, 1);
    assert.deepEqual(await repository.stash("a.ts"), ["a.ts"]);
    assert.deepEqual((await repository.snapshot()).status, []);
    await repository.unstash();
    assert.deepEqual((await repository.snapshot()).files, before.files);
  } finally {
    repository.close();
  }
});

test("a link where a folder was may lead to itself, or to another repository", async () => {
  for (const target of ["ü", "elsewhere"]) {
    const repository = await makeRepository();
    try {
      await grow(repository);
      rmSync(join(repository.folder, "ü"), { recursive: true });
      symlinkSync(target, join(repository.folder, "ü"));
      await repository.git(["init", "--quiet", "elsewhere"]);
      const before = await repository.snapshot();
      // git does not see that the file is gone when the link leads to itself.
      assert.ok((await repository.stash("ü")).includes("ü"));
      await repository.unstash();
      assert.deepEqual(await repository.snapshot(), before);
    } finally {
      repository.close();
    }
  }
});
