import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { execa } from "execa";
import { planStore, readStore, removeStore } from "./postgres.ts";
import { serverUser } from "./postgres_programs.ts";

interface TestStore {
  /** That of the store. */
  folder: string;
  prepare: () => Promise<void>;
  /** A folder with a file that are none of the store's. */
  victim: string;
  /** Runs a command as the server's user. */
  asServer: (file: string, ...args: string[]) => Promise<unknown>;
}

/** Runs `use` with a store that was prepared, where its server runs as another user. */
async function withStore(t: TestContext, use: (store: TestStore) => Promise<void>): Promise<void> {
  const { uid, gid } = await serverUser();
  if (uid === undefined || gid === undefined) return t.skip("SKIPPED: only root hands the server to another user");
  const home = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const file = join(home, "postgres.json");
  const victim = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  writeFileSync(join(victim, "file"), "untouched", { mode: 0o644 });
  const prepare = async () => {
    const { prepare } = await planStore(file, home, { running: false });
    await prepare(new AbortController().signal);
  };
  try {
    await prepare();
    const { folder } = (await readStore(file))!;
    const asServer = (name: string, ...args: string[]) => execa(name, args, { uid, gid, cwd: "/" });
    await use({ folder, prepare, victim, asServer });
    assert.deepEqual(readdirSync(victim), ["file"]);
    assert.equal(readFileSync(join(victim, "file"), "utf8"), "untouched");
    for (const path of [victim, join(victim, "file")]) assert.equal(statSync(path).uid, process.getuid?.());
    assert.equal(statSync(join(victim, "file")).mode & 0o777, 0o644);
    await removeStore(file);
    assert.equal(existsSync(folder), false);
    assert.deepEqual(readdirSync(victim), ["file"]);
  } finally {
    await removeStore(file).catch(() => {});
    for (const folder of [home, victim]) rmSync(folder, { recursive: true });
  }
}

test("planStore() gives the server's user its data, and no place where root writes", (t) =>
  withStore(t, async ({ folder, prepare, victim, asServer }) => {
    await assert.rejects(asServer("ln", "-s", join(victim, "file"), join(folder, "password")), /Permission denied/);
    await assert.rejects(asServer("mv", folder, `${folder}.old`), /not permitted|Permission denied/);
    const { uid } = await serverUser();
    assert.equal(statSync(join(folder, "data")).uid, uid);
    await asServer("ln", "-s", victim, join(folder, "data", "link"));
    await prepare();
  }));

test("planStore() takes back a folder that is all the server's user's, as of earlier versions, with links in it", (t) =>
  withStore(t, async ({ folder, prepare, victim, asServer }) => {
    const { uid, gid } = await serverUser();
    rmSync(join(folder, "data"), { recursive: true });
    await execa("chown", [`${uid}:${gid}`, folder]);
    await asServer("ln", "-s", join(victim, "file"), join(folder, "password"));
    for (const name of ["data.new", "programs.new"]) await asServer("ln", "-s", victim, join(folder, name));
    await prepare();
    assert.equal(statSync(folder).uid, process.getuid?.());
    assert.ok(lstatSync(join(folder, "data")).isDirectory());
    assert.equal(existsSync(join(folder, "password")), false);
  }));

test("planStore() refuses what stands in the place of the folder, or of its data", (t) =>
  withStore(t, async ({ folder, prepare, victim }) => {
    const data = join(folder, "data");
    for (const path of [folder, data]) {
      renameSync(path, `${path}.aside`);
      symlinkSync(victim, path);
      await assert.rejects(prepare(), /^UserError: Cannot use the queue store ".*": .*is no folder$/);
      rmSync(path);
      renameSync(`${path}.aside`, path);
    }
  }));

test("planStore() is not held up by a postmaster.pid that is no file", (t) =>
  withStore(t, async ({ folder, prepare, victim, asServer }) => {
    const file = join(folder, "data", "postmaster.pid");
    await asServer("mkfifo", file);
    await prepare();
    await asServer("rm", file);
    await asServer("ln", "-s", join(victim, "file"), file);
    await prepare();
  }));
