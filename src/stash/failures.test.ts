import assert from "node:assert/strict";
import { appendFileSync, chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { makeRepository, type TestRepository } from "../../test/stash_repository.ts";

const count = (stash: string) => stash.split("\n").filter(Boolean).length;

/** A tree with a change of each kind; `ignored` is of the second entry. */
const LIST = ".\nignored:ignored";

async function inRepository(work: (repository: TestRepository) => Promise<void>): Promise<void> {
  const repository = await makeRepository();
  try {
    for (const path of ["a.ts", "b.ts", "d/c.ts", "gone.ts", "again.ts"]) repository.write(path, `${path}\n`);
    repository.write(".gitignore", "ignored\n");
    await repository.git(["add", "."]);
    await repository.git(["commit", "--quiet", "--message=one"]);
    repository.write("a.ts", "staged\n");
    repository.write("intended.ts", "");
    await repository.git(["add", "a.ts"]);
    await repository.git(["rm", "--quiet", "gone.ts"]);
    await repository.git(["rm", "--quiet", "--cached", "again.ts"]);
    await repository.git(["add", "--intent-to-add", "intended.ts", "again.ts"]);
    repository.write("a.ts", "and more\r\n", 0o600);
    repository.write("new/file", "untracked\n");
    repository.write("ignored", "ignored\n");
    symlinkSync("a.ts", join(repository.folder, "link"));
    await work(repository);
  } finally {
    repository.close();
  }
}

/** Puts a git of our own first in the PATH: `script` runs at every call, `$n` is its number, `"$@"` its arguments. */
async function standIn({ folder, environment }: TestRepository, script: string): Promise<{ calls(): number }> {
  const bin = join(folder, ".git", "bin");
  const real = (await execa("which", ["git"])).stdout;
  mkdirSync(bin, { recursive: true });
  const count = `read -r n < "${bin}/calls"; n=$((n + 1)); echo $n > "${bin}/calls"`;
  writeFileSync(join(bin, "git"), `#!/bin/sh\n${count}\n${script}\nexec ${real} "$@"\n`);
  chmodSync(join(bin, "git"), 0o755);
  writeFileSync(join(bin, "calls"), "0\n");
  environment.PATH = `${bin}:${environment.PATH?.replace(`${bin}:`, "")}`;
  return { calls: () => Number(readFileSync(join(bin, "calls"), "utf8")) };
}

test("stash leaves everything as it was, whichever call of git fails", () =>
  inRepository(async (repository) => {
    const before = await repository.snapshot();
    for (let failing = 1; ; failing++) {
      const { calls } = await standIn(repository, `[ $n = ${failing} ] && { echo broken >&2; exit 1; }`);
      const error = await repository.stash(LIST).then(
        () => undefined,
        (reason: Error) => reason,
      );
      if (!error && calls() < failing) break;
      // Some answers are no errors: git has no name for us, a path is not ignored.
      if (error) assert.match(error.message, /^Cannot .*broken/s);
      else await repository.unstash();
      assert.deepEqual(await repository.snapshot(), before, `call ${failing}`);
    }
    await standIn(repository, "");
    assert.equal(await repository.unstash(), true);
    assert.deepEqual(await repository.snapshot(), before);
  }));

test("unstash loses nothing and can be called again, whichever call of git fails", () =>
  inRepository(async (repository) => {
    const before = await repository.snapshot();
    for (let failing = 1; ; failing++) {
      await standIn(repository, "");
      await repository.stash(LIST);
      const during = await repository.snapshot();
      const { calls } = await standIn(repository, `[ $n = ${failing} ] && { echo broken >&2; exit 1; }`);
      const error = await repository.unstash().then(
        () => undefined,
        (reason: Error) => reason,
      );
      if (error) {
        const after = await repository.snapshot();
        // Either nothing has changed, or all is back and only the entries are left to be dropped.
        if (after.files["a.ts"] === during.files["a.ts"]) assert.deepEqual(after, during, `call ${failing}`);
        else assert.deepEqual({ ...after, stash: before.stash }, before, `call ${failing}`);
        await standIn(repository, "");
        await repository.unstash();
      }
      assert.deepEqual(await repository.snapshot(), before, `call ${failing}`);
      if (calls() < failing) break;
    }
  }));

test("stash keeps the half-made entry when a file was saved meanwhile, and the file too", () =>
  inRepository(async (repository) => {
    const before = await repository.snapshot();
    const file = join(repository.folder, "a.ts");
    await standIn(repository, `case "$*" in *"stash store"*otel-test*) echo saved >> "${file}"; exit 1;; esac`);
    await assert.rejects(repository.stash(LIST), /as files have changed since, what it made stays in git stash list$/);
    assert.equal(await repository.unstash(), false);
    const { files, index, stash } = await repository.snapshot();
    assert.equal(files["a.ts"], `${before.files["a.ts"]}saved\n`);
    assert.deepEqual({ ...files, "a.ts": before.files["a.ts"] }, before.files);
    assert.deepEqual([index, count(stash)], [before.index, 1]);
  }));

test("stash puts everything back but a file that was saved in the middle, and keeps the entries", () =>
  inRepository(async (repository) => {
    const before = await repository.snapshot();
    const file = join(repository.folder, "a.ts");
    // The bytes are read when some files have gone already.
    await standIn(repository, `case "$*" in *cat-file*) [ -e "${file}.saved" ] || { echo saved >> "${file}"; };; esac`);
    await assert.rejects(
      repository.stash(LIST),
      /^UserError: Cannot move "a.ts": it has changed at this moment; undone but for "a.ts"/,
    );
    const { files, index, stash } = await repository.snapshot();
    assert.match(files["a.ts"]!, /saved\n$/);
    assert.deepEqual({ ...files, "a.ts": before.files["a.ts"] }, before.files);
    assert.deepEqual([index, count(stash)], [before.index, 2]);
  }));

test("stash puts everything back but an index entry that was staged in the middle, and keeps the entries", () =>
  inRepository(async (repository) => {
    const before = await repository.snapshot();
    const blob = (await repository.git(["rev-parse", "HEAD:b.ts"])).trim();
    const stage = `cd "${repository.folder}"; PATH=\${PATH#*:} git update-index --cacheinfo 100644,${blob},a.ts`;
    await standIn(repository, `case "$*" in *cat-file*) [ -e staged ] || { : > staged; ${stage}; };; esac`);
    await assert.rejects(
      repository.stash("a.ts\nb.ts\nnew"),
      /entry has changed at this moment; undone but for "a.ts"/,
    );
    rmSync(join(repository.folder, "staged"));
    const { files, index, stash } = await repository.snapshot();
    assert.deepEqual(files, before.files);
    assert.deepEqual(index, { ...before.index, "a.ts": `100644 ${blob} 0 0` });
    assert.equal(count(stash), 1);
  }));

test("unstash drops nothing when what it reads at the end is not what was recorded", () =>
  inRepository(async (repository) => {
    await repository.stash("a.ts\nnew");
    const { stash } = await repository.snapshot();
    const file = join(repository.folder, "a.ts");
    // The index is read before the files are moved, before the entries are, and for the comparison.
    const third = `echo >> reads; [ $(wc -l < reads) = 3 ] && echo saved >> "${file}"`;
    await standIn(repository, `case "$*" in *ls-files*) ${third};; esac`);
    await assert.rejects(
      repository.unstash(),
      /^UserError: Cannot move "a.ts": it differs from what was recorded; undone but/,
    );
    const after = await repository.snapshot();
    assert.match(after.files["a.ts"]!, /saved\n$/);
    assert.equal(after.stash, stash);
  }));

test("unstash drops its own entry, also when another one takes its place in the list", () =>
  inRepository(async (repository) => {
    const before = await repository.snapshot();
    await repository.stash("a.ts");
    const head = (await repository.git(["rev-parse", "HEAD"])).trim();
    const commit = async (...parents: string[]) => {
      const args = parents.flatMap((each) => ["-p", each]);
      return (await repository.git(["commit-tree", ...args, "-m", "theirs", `${head}^{tree}`])).trim();
    };
    const theirs = await commit(head, await commit());
    const store = `cd "${repository.folder}"; PATH=\${PATH#*:} git stash store -m theirs ${theirs}`;
    await standIn(repository, `case "$*" in *"stash drop"*) [ -e stored ] || { : > stored; ${store}; };; esac`);
    await repository.unstash();
    rmSync(join(repository.folder, "stored"));
    assert.deepEqual(await repository.snapshot(), { ...before, stash: `${theirs}\n` });
    assert.equal(await repository.git(["stash", "list"]), "stash@{0}: theirs\n");
  }));

test("a refused reference, as while another git holds it, leaves everything as it was", () =>
  inRepository(async (repository) => {
    const lock = join(repository.folder, ".git", "refs", "stash.lock");
    writeFileSync(lock, "");
    const before = await repository.snapshot();
    await assert.rejects(
      repository.stash(LIST),
      /^GitError|UserError: Cannot run "git stash".*; nothing had been moved$/s,
    );
    rmSync(lock);
    assert.deepEqual(await repository.snapshot(), before);
    assert.equal(await repository.unstash(), false);
  }));

test("the bytes survive a garbage collection, whatever filters do to them", () =>
  inRepository(async (repository) => {
    appendFileSync(
      join(repository.folder, ".git", "info", "attributes"),
      "*.ts text eol=lf\nignored text\nfile text\n",
    );
    for (const path of ["b.ts", "new/file", "ignored"]) repository.write(path, "mixed\r\nline ends\n");
    const before = await repository.snapshot();
    await repository.stash(LIST);
    await repository.git(["gc", "--quiet", "--prune=now"]);
    await repository.unstash();
    assert.deepEqual(await repository.snapshot(), before);
  }));
