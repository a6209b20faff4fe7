import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fillDisk, withSmallDisk } from "../../test/small_disk.ts";
import { writeJson } from "../files/json_file.ts";
import { takeLock } from "../processes/lock.ts";
import { UserError } from "../terminal/user_error.ts";
import { fillReserve } from "./reserve.ts";

test("writeJson() and takeLock() work on a full disk as long as there is a reserve, then say what is missing", (t) =>
  withSmallDisk(
    t,
    (folder) => {
      const state = join(folder, "state.json");
      const lock = join(folder, "lock");
      fillReserve(folder);
      const reserved = statSync(join(folder, "reserve")).size;
      let filler = fillDisk(folder);
      assert.equal(takeLock(lock), true);
      let written = 0;
      const write = () => {
        fillDisk(folder); // whoever else writes here takes what was given up
        writeJson(state, { written: written + 1 });
        written++;
      };
      assert.throws(
        () => {
          for (;;) write();
        },
        (error: UserError) => {
          assert.ok(error instanceof UserError);
          assert.equal(error.message, `Cannot write "${state}": no space left on the disk of "${folder}" (ENOSPC)`);
          assert.equal(error.next, `df -h "${folder}"`);
          return true;
        },
      );
      assert.ok(written >= 20, String(written));
      assert.deepEqual(JSON.parse(readFileSync(state, "utf8")), { written });
      assert.equal(readdirSync(folder).includes("state.json.new"), false);
      for (const name of readdirSync(folder)) if (name.startsWith("filler")) rmSync(join(folder, name));
      fillReserve(folder);
      assert.equal(statSync(join(folder, "reserve")).size, reserved);
      filler = fillDisk(folder);
      writeJson(state, {});
      rmSync(filler);
    },
    { size: "1m" },
  ));
