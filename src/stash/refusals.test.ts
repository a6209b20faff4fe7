import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeRepository, type TestRepository } from "../../test/stash_repository.ts";
import { selectionLines } from "./stash_text.ts";

/** A repository with a change, made by `change`, in which neither the list `list` nor what was set aside may move. */
async function inRepository(work: (repository: TestRepository) => Promise<void>): Promise<void> {
  const repository = await makeRepository();
  try {
    for (const path of ["a.ts", "b.ts", "d/c.ts"]) repository.write(path, `${path}\n`);
    await repository.git(["add", "."]);
    await repository.git(["commit", "--quiet", "--message=one"]);
    await work(repository);
  } finally {
    repository.close();
  }
}

type Change = (repository: TestRepository) => Promise<unknown> | unknown;

const nested = async ({ git, write, folder }: TestRepository) => {
  await git(["init", "--quiet", "nested"]);
  write("nested/file", "x");
  await git(["-C", join(folder, "nested"), "add", "."]);
  const identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
  await git(["-C", join(folder, "nested"), ...identity, "commit", "--quiet", "--message=x"]);
};
const pipe = ({ folder }: TestRepository, path: string) => execFileSync("mkfifo", [join(folder, path)]);

const unfit: [what: string, list: string, change: Change, message: RegExp][] = [
  ["a pipe", "pipe", (r) => pipe(r, "pipe"), /^Cannot set "pipe" aside: it is neither a file nor a link$/],
  [
    "a pipe where a file was",
    ".",
    (r) => [rmSync(join(r.folder, "a.ts")), pipe(r, "a.ts")],
    /"a.ts" aside: it is no file/,
  ],
  ["a repository inside", ".", nested, /^Cannot set "nested\/" aside: it is a repository of its own$/],
  [
    "a submodule",
    ".",
    async (r) => [await nested(r), await r.git(["add", "nested"])],
    /^Cannot set "nested" aside: it is a submodule$/,
  ],
  [
    "a path in a submodule",
    "nested/file",
    async (r) => [await nested(r), await r.git(["add", "nested"]), r.write("nested/file", "y")],
    /^Cannot move "nested\/file": "nested" is a repository of its own$/,
  ],
  [
    "an unmerged path",
    ".",
    async ({ git }) => {
      const entries = (await git(["ls-files", "--stage"])).replace(
        /^(\d+ \w+) 0\ta.ts$/m,
        "0 $1\n$1 1\ta.ts\n$1 2\ta.ts",
      );
      await git(
        ["update-index", "--index-info"],
        `0 ${"0".repeat(40)}\ta.ts\n${entries.slice(entries.indexOf("\n") + 1)}`,
      );
    },
    /^Cannot set "a.ts" aside: it is unmerged$/,
  ],
  ["a merge", ".", (r) => r.write(".git/MERGE_HEAD", ""), /^Cannot move changes: a merge is under way$/],
  ["a rebase", ".", (r) => mkdirSync(join(r.folder, ".git/rebase-merge")), /: a rebase is under way$/],
  [
    "another git",
    ".",
    (r) => r.write(".git/index.lock", ""),
    /^Cannot move changes: another git holds ".*index\.lock"$/,
  ],
  [
    "an entry that git does not look at",
    ".",
    async (r) => [
      r.write("a.ts", "x"),
      await r.git(["add", "."]),
      await r.git(["update-index", "--assume-unchanged", "a.ts"]),
    ],
    /^Cannot set "a.ts" aside: it is assume-unchanged in the index$/,
  ],
  [
    "a folder with files that are not listed where a file was",
    "a.ts",
    (r) => [
      rmSync(join(r.folder, "a.ts")),
      r.write("a.ts/x.ign", ""),
      r.write("a.ts/y", ""),
      r.write(".git/info/exclude", "*.ign"),
    ],
    /^Cannot move "a.ts": "a.ts\/x.ign" is in its way$/,
  ],
  [
    "a link, not listed, where a folder was",
    "d/c.ts",
    (r) => [rmSync(join(r.folder, "d"), { recursive: true }), symlinkSync("/tmp", join(r.folder, "d"))],
    /^Cannot move "d\/c.ts": "d" is in its way$/,
  ],
  [
    "a path whose folder is a file in the index, and not listed",
    ":(glob)d/*",
    async (r) => [
      rmSync(join(r.folder, "d"), { recursive: true }),
      r.write("d", "staged"),
      await r.git(["add", "--all"]),
      rmSync(join(r.folder, "d")),
    ],
    /^Cannot move "d\/c.ts": "d" is in its way in the index$/,
  ],
  ["a path outside of the repository", "../x", () => {}, /outside repository/],
];
for (const [what, list, change, message] of unfit) {
  test(`stash refuses ${what}, and changes nothing`, () =>
    inRepository(async (repository) => {
      repository.write("b.ts", "changed\n");
      await change(repository);
      const before = await repository.snapshot();
      await assert.rejects(repository.stash(`b.ts\n${list}`), { message });
      assert.deepEqual(await repository.snapshot(), before);
    }));
}

const since: [what: string, change: Change, message: RegExp][] = [
  ["a path has changed since", (r) => r.write("b.ts", "more\n"), /^Cannot move "b.ts": changed since/],
  ["its mode has changed since", (r) => chmodSync(join(r.folder, "b.ts"), 0o755), /^Cannot move "b.ts": changed since/],
  [
    "its index entry has changed since",
    async (r) => [r.write("b.ts", "x"), await r.git(["add", "b.ts"]), r.write("b.ts", "b.ts\n")],
    /^Cannot move "b.ts": changed since/,
  ],
  ["a path was brought back by hand", (r) => r.write("b.ts", "changed\n"), /^Cannot move "b.ts": changed since/],
  ["a path is there again", (r) => r.write("new/file", "other"), /^Cannot move "new\/file": changed since/],
  ["a file stands in the way", (r) => r.write("new", ""), /^Cannot move "new\/file": "new" is in its way$/],
  [
    "the entry is gone",
    (r) => r.git(["stash", "drop", "--quiet"]),
    /^Cannot bring changes back: "On main: otel\+.* is gone from/,
  ],
  ["a merge is under way", (r) => r.write(".git/MERGE_HEAD", ""), /a merge is under way/],
  ["a cherry-pick is under way", (r) => r.write(".git/CHERRY_PICK_HEAD", ""), /a cherry-pick is under way/],
  [
    "a folder has become a repository",
    async (r) => r.git(["init", "--quiet", "new"]),
    /^Cannot move "new\/file": "new" is a repository of its own$/,
  ],
  [
    "a folder has become a submodule",
    async ({ git }) =>
      git(["update-index", "--add", "--cacheinfo", `160000,${(await git(["rev-parse", "HEAD"])).trim()},new`]),
    /^Cannot move "new\/file": "new" is a submodule$/,
  ],
];
for (const [what, change, message] of since) {
  test(`unstash refuses when ${what}, and changes nothing`, () =>
    inRepository(async (repository) => {
      repository.write("b.ts", "changed\n");
      repository.write("new/file", "untracked\n");
      await repository.stash(".");
      await change(repository);
      const before = await repository.snapshot();
      await assert.rejects(repository.unstash(), { name: "Refusal", message });
      assert.deepEqual(await repository.snapshot(), before);
    }));
}

test("stash refuses a folder without git, a bare repository, and one without a commit", async () => {
  const repository = await makeRepository();
  try {
    repository.write("a.ts", "");
    await assert.rejects(repository.stash("."), { name: "UserError", message: /there is no commit yet$/ });
    await repository.git(["config", "core.bare", "true"]);
    await assert.rejects(repository.stash("."), { name: "UserError", message: /^Cannot stash in .*work tree/ });
    rmSync(join(repository.folder, ".git"), { recursive: true });
    await assert.rejects(repository.stash("."), {
      name: "UserError",
      message: /^Cannot stash in .*not a git repository/,
    });
  } finally {
    repository.close();
  }
});

test("two at once: one sets aside, the other is told", () =>
  inRepository(async (repository) => {
    writeFileSync(join(repository.folder, "b.ts"), "changed\n");
    const before = await repository.snapshot();
    const results = await Promise.allSettled([repository.stash("."), repository.stash(".")]);
    const reasons = results.filter((each) => each.status === "rejected").map(({ reason }) => reason.message);
    assert.equal(reasons.length, 1);
    assert.match(reasons[0], /^Cannot move changes: another make stash or make unstash is at work here$/);
    await repository.unstash();
    assert.deepEqual(await repository.snapshot(), before);
  }));

test("names and what filters say are shown with their control characters by name, each on its line", () =>
  inRepository(async (repository) => {
    const name = "\x1b[2J\nSet aside\x9b\u202e.ts";
    const seen = "⟨ESC⟩[2J⟨LF⟩Set aside⟨U+009B⟩⟨U+202E⟩.ts";
    repository.write(name, "new\n");
    repository.write(" end ", "new\n");
    const selection = await repository.select(".\n*gone\x9b\n");
    assert.deepEqual(selectionLines(selection), [
      `  untracked  ${seen}`,
      '  untracked  " end "',
      "  skipped    *gone⟨U+009B⟩: matches nothing that has changed",
    ]);
    await repository.stash(".");
    repository.write(name, "another\n");
    await assert.rejects(repository.unstash(), {
      message: `Cannot move "${seen}": changed since, the state that was recorded is wanted`,
    });
    rmSync(join(repository.folder, name));
    await repository.unstash();

    await repository.git(["config", "filter.loud.clean", "printf 'no\\033[2J\\nSet aside' >&2; exit 1"]);
    await repository.git(["config", "filter.loud.required", "true"]);
    repository.write(".git/info/attributes", "* filter=loud\n");
    await assert.rejects(repository.stash("a.ts\n*.ts"), {
      message: /^Cannot run "git [-a-z]+" .*: no⟨ESC⟩\[2J; Set aside.*$/,
    });
  }));
