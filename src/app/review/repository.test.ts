import assert from "node:assert/strict";
import { chown, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createTestRoot } from "../../../test/review_repository.ts";
import { openRepository, openReviewRoot } from "./repository.ts";

test("openRepository() finds repositories by relative and absolute path and through links", async () => {
  const outer = await createTestRoot();
  try {
    await (await outer.repository("root/deep/r")).commit({});
    await symlink(join(outer.path, "root"), join(outer.path, "link"));
    await symlink("deep/r", join(outer.path, "root/short"));
    const root = await openReviewRoot({ ...outer.settings, reviewRoot: join(outer.path, "link") });
    for (const path of [
      "deep/r",
      "./deep/../deep/r/",
      "short",
      join(outer.path, "root/deep/r"),
      join(outer.path, "link/short"),
    ]) {
      assert.equal((await openRepository(root, path)).name, "deep/r", path);
    }
    const itself = await openReviewRoot({ ...outer.settings, reviewRoot: join(outer.path, "root/deep/r") });
    assert.equal((await openRepository(itself, ".")).name, ".");
  } finally {
    await outer.remove();
  }
});

test("openRepository() refuses all outside of the review root with one answer", async () => {
  const outer = await createTestRoot();
  try {
    await (await outer.repository("secret")).commit({});
    await (await outer.repository("rootless")).commit({});
    await mkdir(join(outer.path, "root"));
    await symlink(join(outer.path, "secret"), join(outer.path, "root/link"));
    const root = await openReviewRoot({ ...outer.settings, reviewRoot: join(outer.path, "root") });
    for (const path of [
      "..",
      "../secret",
      "../rootless",
      "../missing",
      "link",
      join(outer.path, "secret"),
      "/etc",
      "/",
    ]) {
      await assert.rejects(openRepository(root, path), {
        name: "UserError",
        message: `Cannot review "${path}": it is outside of REVIEW_ROOT`,
      });
    }
  } finally {
    await outer.remove();
  }
});

test("openRepository() refuses what is not the top folder of a repository", async () => {
  const outer = await createTestRoot();
  try {
    const { commit } = await outer.repository("r");
    await commit({ "sub/a.ts": "" });
    await mkdir(join(outer.path, "plain"));
    const root = await openReviewRoot(outer.settings);
    for (const path of ["r/sub", "plain", "."]) {
      await assert.rejects(openRepository(root, path), {
        name: "UserError",
        message: `Cannot review "${path}": it is not the top folder of a git repository`,
      });
    }
    for (const path of ["missing", "r/sub/a.ts"]) {
      await assert.rejects(openRepository(root, path), {
        message: `Cannot review "${path}": no such folder in REVIEW_ROOT`,
      });
    }
  } finally {
    await outer.remove();
  }
});

test("openRepository() names safe.directory when another user owns the repository", {
  skip: process.getuid?.() === 0 ? false : "only root can give a folder away",
}, async () => {
  const outer = await createTestRoot();
  try {
    const { commit, path } = await outer.repository("r");
    await commit({});
    await chown(path, 12345, 12345);
    await chown(join(path, ".git"), 12345, 12345);
    await assert.rejects(openRepository(await openReviewRoot(outer.settings), "r"), {
      name: "UserError",
      message: /^Cannot review "r": git does not trust it because another user owns it; .* --add safe\.directory/,
    });
    await writeFile(join(outer.path, ".gitconfig"), `[safe]\n\tdirectory = ${path}\n`);
    assert.equal((await openRepository(await openReviewRoot(outer.settings), "r")).name, "r");
  } finally {
    await outer.remove();
  }
});

test("openReviewRoot() refuses a folder that is missing", async () => {
  const outer = await createTestRoot();
  try {
    await assert.rejects(openReviewRoot({ ...outer.settings, reviewRoot: join(outer.path, "no") }), {
      name: "UserError",
      message: `Cannot use REVIEW_ROOT="${join(outer.path, "no")}": no such folder, an existing one is wanted`,
    });
  } finally {
    await outer.remove();
  }
});
