import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { identify } from "../processes/process_id.ts";
import { serverUser } from "./postgres_programs.ts";
import { makeStackFolder, readState, type StackState, stackFiles, writeState } from "./state.ts";

test("readState() returns a whole record of this version, else nothing", async () => {
  const home = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const id = identify(process.pid)!;
  const whole: StackState = {
    version: 1,
    supervisor: { ...id, port: 1, token: "t" },
    parts: { api: { ...id, ready: true, settings: {} } },
  };
  const { token: _, ...noToken } = whole.supervisor;
  try {
    makeStackFolder({ home });
    assert.equal(await readState({ home }), undefined);
    writeState({ home }, whole);
    assert.deepEqual(await readState({ home }), whole);
    for (const text of [
      ...["", "{", "null", "[]", "{}", JSON.stringify(whole).slice(0, -1)],
      ...[
        { ...whole, version: 2 },
        { ...whole, parts: null },
        { ...whole, supervisor: noToken },
        { ...whole, parts: { api: id } },
        { ...whole, parts: { other: whole.parts.api } },
      ].map((value) => JSON.stringify(value)),
    ]) {
      writeFileSync(stackFiles({ home }).state, text);
      assert.equal(await readState({ home }), undefined, text);
    }
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("makeStackFolder() keeps the folder to this user, and refuses one that is another user's", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    for (const folder of [home, join(home, "stack")]) {
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, 0o777);
    }
    makeStackFolder({ home });
    for (const folder of [home, join(home, "stack")]) assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.deepEqual(readdirSync(join(home, "stack")), []);
    const { uid, gid } = await serverUser();
    if (uid === undefined || gid === undefined) return t.skip("SKIPPED: only root can make another user's folder");
    chownSync(join(home, "stack"), uid, gid);
    assert.throws(() => makeStackFolder({ home }), /^UserError: Cannot use ".*stack": it belongs to user \d+, /);
  } finally {
    rmSync(home, { recursive: true });
  }
});

test("writeState() writes through no link", () => {
  const home = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const id = identify(process.pid)!;
  try {
    makeStackFolder({ home });
    writeFileSync(join(home, "victim"), "untouched");
    symlinkSync(join(home, "victim"), `${stackFiles({ home }).state}.new`);
    const state: StackState = { version: 1, supervisor: { ...id, port: 1, token: "t" }, parts: {} };
    assert.throws(() => writeState({ home }, state), /^UserError: Cannot write ".*state.json": ELOOP/);
    assert.equal(readFileSync(join(home, "victim"), "utf8"), "untouched");
  } finally {
    rmSync(home, { recursive: true });
  }
});
