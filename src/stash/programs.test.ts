import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeRepository, type TestRepository } from "../../test/stash_repository.ts";

/** A repository with a change of each kind, and a folder of programs that leave a mark when they run. */
async function inRepository(
  work: (repository: TestRepository, programs: ReturnType<typeof makePrograms>) => Promise<void>,
): Promise<void> {
  const repository = await makeRepository();
  const folder = mkdtempSync(join(realpathSync(tmpdir()), "prodlike-programs-"));
  try {
    repository.write("a.ts", "one\n");
    repository.write("b.ts", "one\n");
    await repository.git(["add", "."]);
    await repository.git(["commit", "--quiet", "--message=one"]);
    repository.write("a.ts", "two\n");
    await repository.git(["add", "a.ts"]);
    repository.write("a.ts", "three\r\n");
    rmSync(join(repository.folder, "b.ts"));
    repository.write("new", "new\n");
    repository.write("intended", "");
    await repository.git(["add", "--intent-to-add", "intended"]);
    await work(repository, makePrograms(folder));
  } finally {
    repository.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function makePrograms(folder: string) {
  return {
    folder,
    /** Its absolute path; its output is its input. */
    make(name: string): string {
      const path = join(folder, name);
      writeFileSync(path, `#!/bin/sh\n: > "$0.ran"\ncat\n`, { mode: 0o755 });
      return path;
    },
    /** The names of those that have run. */
    ran: () => readdirSync(folder).flatMap((name) => /^(.*)\.ran$/.exec(name)?.[1] ?? []),
  };
}

async function thereAndBack(repository: TestRepository): Promise<void> {
  const before = await repository.snapshot();
  assert.equal((await repository.stash(".")).length, 4);
  assert.deepEqual(Object.keys((await repository.snapshot()).files).sort(), ["a.ts", "b.ts"]);
  await repository.unstash();
  assert.deepEqual(await repository.snapshot(), before);
}

const HOOKS = ["post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman", "post-checkout"];

/** Ways to name a folder of hooks. */
const hooks: Record<string, (repository: TestRepository, folder: string) => unknown> = {
  "core.hooksPath": ({ git }, folder) => git(["config", "core.hooksPath", folder]),
  "include.path": ({ git, write }, folder) => {
    write(".git/more", `[core]\n\thooksPath = ${folder}\n`);
    return git(["config", "include.path", "more"]);
  },
  "includeIf.gitdir": ({ git, write }, folder) => {
    write(".git/more", `[core]\n\thooksPath = ${folder}\n`);
    return git(["config", "includeIf.gitdir:/**.path", "more"]);
  },
  "config.worktree": async ({ git }, folder) => {
    await git(["config", "extensions.worktreeConfig", "true"]);
    await git(["config", "--worktree", "core.hooksPath", folder]);
  },
  "the environment": ({ environment }, folder) => {
    const variables = { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: "core.hooksPath", GIT_CONFIG_VALUE_0: folder };
    Object.assign(environment, variables);
  },
  ".git/hooks": ({ folder: top, write }, folder) => {
    for (const name of HOOKS) write(`.git/hooks/${name}`, `#!/bin/sh\nexec "${join(folder, name)}"\n`, 0o755);
    assert.ok(existsSync(join(top, ".git/hooks/post-index-change")));
  },
};
for (const [what, name] of Object.entries(hooks)) {
  test(`stash and unstash run no hook that is named by ${what}`, () =>
    inRepository(async (repository, programs) => {
      for (const hook of HOOKS) programs.make(hook);
      await name(repository, programs.folder);
      await thereAndBack(repository);
      assert.deepEqual(programs.ran(), []);
    }));
}

test("stash and unstash switch hooks off that newer versions of git read from the configuration, whatever they are called", () =>
  inRepository(async (repository, programs) => {
    const names = ["plain", "a=b", "with.dots and spaces", "UPPER"];
    for (const name of names) {
      await repository.git(["config", `hook.${name}.command`, programs.make("configured")]);
      await repository.git(["config", `hook.${name}.event`, "reference-transaction"]);
      await repository.git(["config", "--add", `hook.${name}.event`, "post-index-change"]);
      await repository.git(["config", `hook.${name}.enabled`, "true"]);
    }
    const { git } = await repository.open();
    for (const name of names)
      assert.equal(await git.text(["config", "--bool", `hook.${name}.enabled`]), "false\n", name);
    await thereAndBack(repository);
    assert.deepEqual(programs.ran(), []);
  }));

test("stash and unstash run no program that the configuration names, but for filters, which store the files", () =>
  inRepository(async (repository, programs) => {
    const settings = {
      "core.fsmonitor": "monitor",
      "core.sshCommand": "ssh",
      "core.askPass": "askpass",
      "core.editor": "editor",
      "sequence.editor": "editor",
      "core.pager": "pager",
      "pager.stash": "pager",
      "pager.show": "pager",
      "core.alternateRefsCommand": "alternates",
      "core.gitProxy": "proxy",
      "credential.helper": "credentials",
      "gpg.program": "gpg",
      "gpg.ssh.defaultKeyCommand": "key",
      "diff.external": "diff",
      "diff.marked.command": "command",
      "diff.marked.textconv": "textconv",
      "merge.marked.driver": "driver",
      "uploadpack.packObjectsHook": "pack",
      "gc.recentObjectsHook": "recent",
      "trailer.sign.command": "trailer",
      "filter.clean.clean": "clean",
      "filter.clean.smudge": "smudge",
    };
    for (const [name, program] of Object.entries(settings)) {
      await repository.git(["config", name, programs.make(program)]);
    }
    const switches = ["commit.gpgSign", "log.showSignature", "trailer.sign.ifMissing", "core.untrackedCache"];
    for (const name of switches) await repository.git(["config", name, "true"]);
    await repository.git(["config", "gc.auto", "1"]);
    repository.write(".git/info/attributes", "* diff=marked merge=marked filter=clean\n");
    const before = await repository.snapshot();
    for (const program of programs.ran()) rmSync(join(programs.folder, `${program}.ran`)); // by what sets up and looks
    assert.equal((await repository.stash(".")).length, 4);
    await repository.unstash();
    assert.deepEqual(programs.ran().sort(), ["clean", "smudge"]);
    assert.deepEqual((await repository.snapshot()).files, before.files);
  }));

test("stash runs no program that a submodule names", () =>
  inRepository(async (repository, programs) => {
    await repository.git(["init", "--quiet", "sub"]);
    const sub = (...args: string[]) => repository.git(["-C", "sub", ...args]);
    repository.write("sub/file", "one\n");
    await sub("add", ".");
    await sub("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--message=one");
    await repository.git(["add", "sub"]);
    await repository.git(["commit", "--quiet", "--message=two", "sub"]);
    for (const hook of HOOKS) programs.make(hook);
    await sub("config", "core.hooksPath", programs.folder);
    await sub("config", "core.fsmonitor", programs.make("monitor"));
    const before = await repository.snapshot();
    for (const program of programs.ran()) rmSync(join(programs.folder, `${program}.ran`));
    assert.equal((await repository.stash("a.ts\nb.ts\nnew")).length, 3);
    await repository.unstash();
    assert.deepEqual(programs.ran(), []);
    assert.deepEqual((await repository.snapshot()).files, before.files);
  }));

test("stash does not take a folder that looks like a bare repository, as a commit can hold one, for a repository", () =>
  inRepository(async (repository, programs) => {
    await repository.git(["init", "--quiet", "--bare", "app"]);
    const settings = { bare: "false", worktree: repository.folder, fsmonitor: programs.make("monitor") };
    for (const [name, value] of Object.entries(settings)) {
      await repository.git(["config", "--file", "app/config", `core.${name}`, value]);
    }
    await assert.rejects(repository.open("app"), /^UserError: Cannot stash in .*: .*cannot use bare repository/);
    assert.deepEqual(programs.ran(), []);
  }));

/** Remotes of a partial clone, each of which starts a program when an object is fetched. */
const remotes: Record<string, (program: string) => Record<string, string>> = {
  "an ext:: URL": (program) => ({ "remote.origin.url": `ext::${program}`, "protocol.ext.allow": "always" }),
  "a URL that is rewritten": (program) => ({
    "remote.origin.url": "short:x",
    [`url.ext::${program} .insteadOf`]: "short:",
    "protocol.allow": "always",
  }),
  "a program at the other end": (program) => ({
    "remote.origin.url": ".",
    "remote.origin.uploadpack": program,
    "protocol.file.allow": "always",
  }),
  "ssh of its own": (program) => ({ "remote.origin.url": "ssh://nowhere.example/x", "core.sshCommand": program }),
  "a helper of its own": () => ({ "remote.origin.url": "x", "remote.origin.vcs": "marked" }),
};
for (const [what, settings] of Object.entries(remotes)) {
  test(`stash fetches nothing for a partial clone from ${what}, and says what is missing`, { timeout: 60_000 }, () =>
    inRepository(async (repository, programs) => {
      const program = programs.make("git-remote-marked");
      repository.environment.PATH = `${programs.folder}:${repository.environment.PATH}`;
      const blob = (await repository.git(["rev-parse", "HEAD:b.ts"])).trim();
      rmSync(join(repository.folder, ".git/objects", blob.slice(0, 2), blob.slice(2)));
      const before = await repository.snapshot();
      const partial = { "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin" };
      for (const [name, value] of Object.entries({ ...partial, ...settings(program) })) {
        await repository.git(["config", name, value]);
      }
      // git does not always come to say which one.
      await assert.rejects(repository.stash("."), {
        message: new RegExp(
          `^Cannot run "git checkout-index" in ".*": (object ${blob}|an object) is missing here, and `,
        ),
        next: new RegExp(` (cat-file -e ${blob}|rev-list --objects --no-walk --missing=print HEAD)$`),
      });
      assert.deepEqual(programs.ran(), []);
      for (const name of Object.keys(partial)) await repository.git(["config", "--unset", name]);
      assert.deepEqual(await repository.snapshot(), before);
    }),
  );
}
