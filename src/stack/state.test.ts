import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { identify } from "./process_id.ts";
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
