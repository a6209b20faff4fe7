import assert from "node:assert/strict";
import { test } from "node:test";
import { isFull, systemError, systemErrorIn } from "./system_error.ts";
import { UserError } from "./user_error.ts";

const refused = (code: string) => Object.assign(new Error(`${code}: as the system says it`), { code, path: "/a/b" });

test("systemError() names what a disk or the system refuses, and the command that helps", () => {
  for (const [code, state, next] of [
    ["ENOSPC", 'no space left on the disk of "/a" (ENOSPC)', 'df -h "/a"'],
    ["EDQUOT", 'the quota of the disk of "/a" is used up (EDQUOT)', 'quota, or df -h "/a"'],
    ["EROFS", 'the disk of "/a" is read-only (EROFS)', 'df -h "/a"'],
    ["EIO", 'the disk of "/a" fails (EIO)', 'df -h "/a"'],
    ["EMFILE", "too few file descriptors (EMFILE)", "ulimit -n 1024, then this command again"],
  ] as const) {
    const error = systemError('Cannot write "/a/b"', refused(code));
    assert.equal(error?.message, `Cannot write "/a/b": ${state}`);
    assert.equal(error?.next, next);
  }
  assert.equal(systemError("Cannot write", refused("EISDIR")), undefined);
  assert.equal(systemError("Cannot write", undefined), undefined);
});

test("isFull() looks at the cause too", () => {
  assert.equal(isFull(new UserError("Cannot write", { cause: refused("ENOSPC") })), true);
  assert.equal(isFull(refused("EDQUOT")), true);
  for (const error of [refused("EIO"), new UserError("Cannot write"), "ENOSPC", null])
    assert.equal(isFull(error), false);
});

test("systemErrorIn() finds in what a process printed why it ended", () => {
  const printed = "node:internal\n  errno: -24,\n  code: 'EMFILE',\n}\n\nNode.js v20.20.2\n";
  assert.match(systemErrorIn("Cannot start", printed, "/a")?.message ?? "", /^Cannot start: too few file descriptors/);
  assert.equal(systemErrorIn("Cannot start", "it ended", "/a"), undefined);
});
