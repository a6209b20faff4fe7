import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createTestRoot, type TestRoot } from "../../../test/review_repository.ts";
import { openRepository, openReviewRoot } from "./repository.ts";
import { createReviewer, type Review } from "./review.ts";
import { resolveRevisions } from "./revisions.ts";

const NONE_SKIPPED = {
  binary: 0,
  deleted: 0,
  nothingAdded: 0,
  notAFile: 0,
  missing: 0,
  tooLarge: 0,
  tooMany: 0,
  lintFailed: 0,
};

/** Reviews what the API would: `base` and `head` are resolved first. */
async function reviewIn({ settings }: TestRoot, name: string, base?: string, head?: string): Promise<Review> {
  const root = await openReviewRoot(settings);
  const revisions = await resolveRevisions(await openRepository(root, name), base, head);
  return createReviewer(root)({ repository: name, ...revisions });
}

/** `file:line rule` of each finding. */
function places({ findings }: Review): string[] {
  return findings.map(({ file, line, rule }) => `${file}:${line} ${rule}`);
}

test("createReviewer() reports added and changed lines since the merge base only", async () => {
  const root = await createTestRoot();
  try {
    const { commit, git } = await root.repository("r");
    await commit({ "a.js": "debugger;\n\n\ndebugger;\n" });
    await git("checkout", "--quiet", "-b", "feature");
    await commit({ "a.js": "debugger;\n// new\n\ndebugger; // new\n" });
    await git("checkout", "--quiet", "main");
    await commit({ "b.js": "debugger;\n" }); // on main alone: no part of the pull request

    const review = await reviewIn(root, "r", "main", "feature");
    assert.deepEqual(places(review), ["a.js:4 no-debugger"]);
    assert.deepEqual(review.summary, {
      files: 1,
      reviewed: 1,
      skipped: NONE_SKIPPED,
      addedLines: 2,
      deletedLines: 2,
      findings: 1,
      bySeverity: { error: 1, warning: 0 },
      byRule: { "no-debugger": 1 },
    });
  } finally {
    await root.remove();
  }
});

test("createReviewer() reviews the whole of a repository with one commit", async () => {
  for (const format of ["sha1", "sha256"]) {
    const root = await createTestRoot();
    try {
      const { commit } = await root.repository("r", `--object-format=${format}`);
      await commit({ "a.ts": "let a = 1;\nexport default a;\n", "deep/er/b.mjs": "debugger;" });
      assert.deepEqual(
        places(await reviewIn(root, "r")),
        ["a.ts:1 prefer-const", "deep/er/b.mjs:1 no-debugger"],
        format,
      );
    } finally {
      await root.remove();
    }
  }
});

test("createReviewer() reviews a bare repository", async () => {
  const root = await createTestRoot();
  try {
    const { commit, git } = await root.repository("r");
    await commit({ "a.js": "debugger;\n" });
    await git("clone", "--quiet", "--bare", ".", "../bare.git");
    assert.deepEqual(places(await reviewIn(root, "bare.git")), ["a.js:1 no-debugger"]);
  } finally {
    await root.remove();
  }
});

test("createReviewer() reads files whose names hold anything", async () => {
  const root = await createTestRoot();
  try {
    const { commit } = await root.repository("r");
    const names = [
      " a b .ts",
      "-x.js",
      "[ab]*.js",
      "a b/c d.ts",
      "q\"uo'te\\.js",
      "line\nfeed\ttab.ts",
      "node_modules/x/main.cjs",
      "x b/x.js",
      "é/日本.tsx",
    ];
    await commit(Object.fromEntries(names.map((name) => [name, "debugger;\n"])));
    const review = await reviewIn(root, "r");
    assert.deepEqual(places(review).sort(), names.map((name) => `${name}:1 no-debugger`).sort());
  } finally {
    await root.remove();
  }
});

test("createReviewer() counts what it does not read", async () => {
  const root = await createTestRoot();
  try {
    const { commit, path } = await root.repository("r");
    const long = "const a = 1;\n".repeat(20);
    const base = await commit({
      "binary.ts": new Uint8Array([71, 0, 0, 1]),
      "deleted.js": "debugger;\n",
      "mode.js": "debugger;\n",
      "moved.js": `${long}debugger;\n`,
      "shorter.js": "debugger;\n\n\n",
      "other.css": "a {}\n",
    });
    await chmod(join(path, "mode.js"), 0o755);
    await symlink("mode.js", join(path, "link.js"));
    const head = await commit({
      "binary.ts": new Uint8Array([71, 0, 0, 2]),
      "deleted.js": null,
      "large.js": `debugger;\n${" ".repeat(1024 * 1024)}`,
      "moved.js": null,
      "renamed.js": `${long}debugger;\ndebugger; // added\n`,
      "shorter.js": "debugger;\n",
      "other.css": "a { color: red }\n",
    });
    const review = await reviewIn(root, "r", base, head);
    assert.deepEqual(places(review), ["renamed.js:22 no-debugger"]);
    assert.deepEqual(review.summary, {
      files: 7,
      reviewed: 1,
      skipped: { ...NONE_SKIPPED, binary: 1, deleted: 1, nothingAdded: 2, notAFile: 1, tooLarge: 1 },
      addedLines: 4,
      deletedLines: 3,
      findings: 1,
      bySeverity: { error: 1, warning: 0 },
      byRule: { "no-debugger": 1 },
    });
  } finally {
    await root.remove();
  }
});

test("createReviewer() reads at most 500 files and keeps at most 1,000 findings", async () => {
  const root = await createTestRoot();
  try {
    const { commit } = await root.repository("r");
    const names = Array.from({ length: 502 }, (_, index) => `${String(index).padStart(3, "0")}.js`);
    await commit(Object.fromEntries(names.map((name) => [name, "debugger;\n".repeat(3)])));
    const { summary, findings } = await reviewIn(root, "r");
    assert.deepEqual(
      [summary.files, summary.reviewed, summary.skipped.tooMany, summary.findings, findings.length],
      [502, 500, 2, 1_500, 1_000],
    );
    assert.deepEqual(summary.byRule, { "no-debugger": 1_500 });
  } finally {
    await root.remove();
  }
});

test("createReviewer() reports a parse error, and honours comments that disable rules", async () => {
  const root = await createTestRoot();
  try {
    const { commit } = await root.repository("r");
    await commit({
      "broken.ts": "const a = ;\n",
      "commented.ts": [
        "debugger; // eslint-disable-line no-debugger",
        "// eslint-disable-next-line other/rule",
        "debugger;",
        "/* eslint other/rule: error, no-console: error */",
        "console.log(require('node:fs'));",
      ].join("\n"),
      "common.cjs": "console.log(require('node:fs'));\n",
      "element.jsx": "export const a = <b>{1 as any}</b>;\n",
    });
    const { findings } = await reviewIn(root, "r");
    assert.deepEqual(
      findings.map(({ file, line, severity, rule }) => `${file}:${line} ${severity} ${rule}`),
      [
        "broken.ts:1 error parse-error",
        "commented.ts:3 error no-debugger",
        "commented.ts:5 error @typescript-eslint/no-require-imports",
        "element.jsx:1 error @typescript-eslint/no-explicit-any",
      ],
    );
  } finally {
    await root.remove();
  }
});

test("createReviewer() hands git no option in the place of a revision", async () => {
  const root = await createTestRoot();
  try {
    const { commit } = await root.repository("r");
    const head = await commit({ "a.ts": "" });
    const review = createReviewer(await openReviewRoot(root.settings));
    const target = join(root.path, "written");
    const option = `--output=${target}`;
    for (const revisions of [
      { base: option, head },
      { base: head, head: option },
    ]) {
      await assert.rejects(review({ repository: "r", ...revisions }), /Cannot review "r": git diff failed/);
    }
    assert.equal(existsSync(target), false);
  } finally {
    await root.remove();
  }
});

test("createReviewer() runs nothing that the repository's configuration names", async () => {
  const root = await createTestRoot();
  try {
    const { commit, git, path } = await root.repository("r");
    await commit({ ".gitattributes": "*.js diff=evil filter=evil\n", "a.js": "// lost\n", "eslint.config.js": "" });
    const lost = await git("rev-parse", "HEAD:a.js");
    await commit({ "a.js": "debugger;\n", "a/b.js": "debugger;\n\n\n\n" });
    await commit({ "a/b.js": "// new\n\n\n\ndebugger;\n", "eslint.config.js": "debugger;\n" });
    const proof = join(root.path, "executed");
    const evil = join(root.path, "evil.sh");
    await writeFile(evil, `#!/bin/sh\necho "$0 $@" >> '${proof}'\n`, { mode: 0o755 });
    for (const [key, value] of [
      ["diff.external", evil],
      ["diff.evil.command", evil],
      ["diff.evil.textconv", evil],
      ["filter.evil.smudge", evil],
      ["filter.evil.clean", evil],
      ["core.fsmonitor", evil],
      ["core.pager", evil],
      ["pager.diff", "true"],
      ["core.sshCommand", evil],
      ["diff.noprefix", "true"],
      ["diff.interHunkContext", "9"],
      ["color.ui", "always"],
      ["protocol.file.allow", "always"],
      ["core.repositoryFormatVersion", "1"],
      ["extensions.partialClone", "origin"],
      ["remote.origin.url", path],
      ["remote.origin.uploadpack", evil],
      ["remote.origin.promisor", "true"],
    ] as const) {
      await git("config", key, value);
    }
    await rm(join(path, ".git", "objects", lost.slice(0, 2), lost.slice(2)));

    // git itself does run it: for the file monitor, for a diff, and to fetch what is missing.
    await git("status");
    await git("diff", "HEAD~1", "HEAD");
    await assert.rejects(git("cat-file", "-p", lost));
    assert.equal((await readFile(proof, "utf8")).split("\n").length > 3, true);
    await rm(proof);

    assert.deepEqual(places(await reviewIn(root, "r", "HEAD~1", "HEAD")), [
      "a/b.js:5 no-debugger",
      "eslint.config.js:1 no-debugger",
    ]);
    await assert.rejects(reviewIn(root, "r", "HEAD~2", "HEAD"), {
      message: 'Cannot review "r": it lacks objects, as a partial clone does',
    });
    assert.equal(existsSync(proof), false);
  } finally {
    await root.remove();
  }
});
