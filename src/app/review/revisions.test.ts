import assert from "node:assert/strict";
import { test } from "node:test";
import { createTestRoot, type TestRoot } from "../../../test/review_repository.ts";
import { openRepository, openReviewRoot } from "./repository.ts";
import { resolveRevisions } from "./revisions.ts";

async function open({ settings }: TestRoot, name: string) {
  return openRepository(await openReviewRoot(settings), name);
}

test("resolveRevisions() begins 3 commits back on the first-parent line, or as far as there are commits", async () => {
  const root = await createTestRoot();
  try {
    const { commit, git } = await root.repository("r");
    const first = await commit({});
    const emptyTree = await git("hash-object", "-t", "tree", "/dev/null");
    const repository = await open(root, "r");
    assert.deepEqual(await resolveRevisions(repository), { base: emptyTree, head: first });
    const second = await commit({});
    assert.deepEqual(await resolveRevisions(repository), { base: first, head: second });
    await git("checkout", "--quiet", "-b", "side");
    await commit({});
    await commit({});
    await git("checkout", "--quiet", "main");
    await git("merge", "--quiet", "--no-ff", "--message=x", "side");
    assert.deepEqual((await resolveRevisions(repository)).base, first);
    const last = await commit({});
    assert.deepEqual(await resolveRevisions(repository), { base: first, head: last });
    await commit({});
    assert.deepEqual((await resolveRevisions(repository)).base, second);
  } finally {
    await root.remove();
  }
});

test("resolveRevisions() begins at the merge base of the two", async () => {
  const root = await createTestRoot();
  try {
    const { commit, git } = await root.repository("r");
    const fork = await commit({});
    await git("checkout", "--quiet", "-b", "side");
    const head = await commit({});
    await git("tag", "--annotate", "--message=x", "v1");
    await git("checkout", "--quiet", "main");
    await commit({});
    const repository = await open(root, "r");
    for (const ref of ["side", "v1", head.slice(0, 12)]) {
      assert.deepEqual(await resolveRevisions(repository, "main", ref), { base: fork, head });
    }
  } finally {
    await root.remove();
  }
});

test("resolveRevisions() refuses what is not a commit, and histories without a common ancestor", async () => {
  const root = await createTestRoot();
  try {
    const { commit, git } = await root.repository("r");
    await commit({ "a.ts": "", "b^{commit}": "" });
    const repository = await open(root, "r");
    for (const ref of [
      "missing",
      "--upload-pack=x",
      "--all",
      "HEAD:a.ts",
      "HEAD:b",
      "HEAD..HEAD",
      "@{9",
      "f".repeat(40),
    ]) {
      await assert.rejects(resolveRevisions(repository, undefined, ref), {
        name: "UserError",
        message: `Cannot find head "${ref}": there is no such commit in the repository`,
      });
      await assert.rejects(resolveRevisions(repository, ref), { message: /^Cannot find base / });
    }
    await git("checkout", "--quiet", "--orphan", "other");
    await commit({});
    await assert.rejects(resolveRevisions(repository, "main", "other"), {
      name: "UserError",
      message: 'Cannot compare base "main" with head "other": the two have no common ancestor',
    });
  } finally {
    await root.remove();
  }
});

test("resolveRevisions() refuses a repository without a commit", async () => {
  const root = await createTestRoot();
  try {
    await root.repository("r");
    await assert.rejects(resolveRevisions(await open(root, "r")), {
      message: 'Cannot find head "HEAD": there is no such commit in the repository',
    });
  } finally {
    await root.remove();
  }
});

test("resolveRevisions() is not led astray by the environment of a git hook", async () => {
  const other = await createTestRoot();
  try {
    const { commit, path } = await other.repository("other");
    await commit({});
    const root = await createTestRoot({ GIT_DIR: `${path}/.git`, GIT_WORK_TREE: path, GIT_INDEX_FILE: "/missing" });
    try {
      const head = await (await root.repository("r")).commit({ "a.ts": "" });
      assert.equal((await resolveRevisions(await open(root, "r"))).head, head);
    } finally {
      await root.remove();
    }
  } finally {
    await other.remove();
  }
});
