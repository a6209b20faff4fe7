import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openRun } from "../sources/open_run.ts";
import { runIds } from "../sources/runs.ts";
import { openNamedRun, removeOldRuns } from "./retention.ts";

const times = { start: "2026-01-02T00:00:00.000Z", end: "2026-01-02T00:01:00.000Z" };
/** The id of the run that was recorded at this second. */
const at = (second: number) => `20260101T00${String(second).padStart(4, "0")}Z-0000`;
const upTo = (last: number, first = 0) => Array.from({ length: last + 1 - first }, (_, index) => at(first + index));

interface Runs {
  home: string;
  runs: string;
  /** Lays a run down, whose traces have so many bytes on paper. */
  add(id: string, kind: string, bytes?: number): void;
}

function inHome(work: (runs: Runs) => void): void {
  const home = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const runs = join(home, "runs");
  const add = (id: string, kind: string, bytes = 0) => {
    mkdirSync(join(runs, id), { recursive: true });
    writeFileSync(join(runs, id, "run.json"), JSON.stringify({ version: 1, id, ...times, load: { kind } }));
    writeFileSync(join(runs, id, "traces.jsonl"), "");
    truncateSync(join(runs, id, "traces.jsonl"), bytes);
  };
  try {
    work({ home, runs, add });
  } finally {
    rmSync(home, { recursive: true });
  }
}

test("removeOldRuns() removes proofs beyond the 50 newest, and no recording for them", () =>
  inHome(({ runs, add }) => {
    add(at(0), "bottlenecks");
    for (const id of upTo(53, 1)) add(id, "verify");
    assert.deepEqual(removeOldRuns(runs, at(53)), [
      `removed, as the 50 newest proofs are kept: ${at(1)}, ${at(2)}, ${at(3)}`,
    ]);
    assert.deepEqual(runIds(runs), [at(0), ...upTo(53, 4)]);
    assert.deepEqual(removeOldRuns(runs, at(53)), []);
  }));

test("removeOldRuns() removes recordings beyond the 50 newest, also those whose run.json is damaged, and not the one just recorded", () =>
  inHome(({ runs, add }) => {
    for (const id of upTo(55)) add(id, "bottlenecks");
    writeFileSync(join(runs, at(1), "run.json"), "{");
    // The clock was put back: the one just recorded is the oldest by its name.
    assert.deepEqual(removeOldRuns(runs, at(0)), [
      `removed, as the 50 newest recordings are kept: ${at(1)}, ${at(2)}, ${at(3)} and 2 more`,
    ]);
    assert.deepEqual(runIds(runs), [at(0), ...upTo(55, 6)]);
  }));

test("removeOldRuns() leaves what the user has named, by RUN, AGAINST, A or B, and latest as AGAINST and A", () =>
  inHome(({ home, runs, add }) => {
    const named = [
      [at(0), "A"],
      [at(1), "B"],
      [join(runs, at(2)), "RUN"],
      [at(3), "AGAINST"],
    ] as const;
    for (const id of upTo(3)) add(id, "bottlenecks");
    for (const [wanted, setting] of named) openNamedRun(home, wanted, setting);
    add(at(4), "bottlenecks");
    openNamedRun(home, "latest", "AGAINST");
    add(at(5), "bottlenecks");
    openNamedRun(home, "latest", "A");
    add(at(6), "bottlenecks");
    for (const setting of ["RUN", "B"] as const) openNamedRun(home, "latest", setting);
    openRun(home, join(runs, at(6)));
    for (const id of upTo(60, 7)) add(id, "bottlenecks");
    assert.match(removeOldRuns(runs, at(60))[0]!, /newest recordings are kept/);
    assert.deepEqual(runIds(runs), [...upTo(5), ...upTo(60, 11)]);
    openNamedRun(home, at(0), "B"); // once more changes nothing
  }));

test("removeOldRuns() removes the oldest recordings when all runs take more than 10 GB, then proofs", () =>
  inHome(({ runs, add }) => {
    add(at(0), "verify", 1e9);
    for (const id of upTo(3, 1)) add(id, "bottlenecks", 4e9);
    assert.deepEqual(removeOldRuns(runs, at(3)), [`removed, as the runs took 13.0 GB, 10.0 GB are kept: ${at(1)}`]);
    assert.deepEqual(runIds(runs), [at(0), at(2), at(3)]);
    add(at(4), "bottlenecks", 10e9 + 1);
    assert.deepEqual(removeOldRuns(runs, at(4)), [
      `removed, as the runs took 19.0 GB, 10.0 GB are kept: ${at(2)}, ${at(3)}, ${at(0)}`,
      `the runs take 10.0 GB, 10.0 GB are kept, but the newest and those that were named stay: ${runs}`,
    ]);
    assert.deepEqual(runIds(runs), [at(4)]);
  }));

test("removeOldRuns() says that named runs alone take more than 10 GB, and removes none of them", () =>
  inHome(({ home, runs, add }) => {
    add(at(0), "bottlenecks", 11e9);
    openNamedRun(home, at(0), "A");
    add(at(1), "verify");
    assert.match(removeOldRuns(runs, at(1)).join("\n"), /^the runs take 11.0 GB, 10.0 GB are kept, but the newest/);
    assert.deepEqual(runIds(runs), upTo(1));
  }));

test("removeOldRuns() removes what was left half written a day ago, and not what is being written", () =>
  inHome(({ runs, add }) => {
    add(at(9), "verify");
    for (const name of [`.${at(1)}`, `.${at(2)}`, ".of others"])
      mkdirSync(join(runs, name, "profiles"), { recursive: true });
    const dayAgo = Date.now() / 1_000 - 25 * 3_600;
    for (const name of [`.${at(1)}`, ".of others"]) utimesSync(join(runs, name), dayAgo, dayAgo);
    assert.deepEqual(removeOldRuns(runs, at(9)), []);
    assert.deepEqual(readdirSync(runs).sort(), [`.${at(2)}`, ".of others", at(9)]);
  }));

test("openNamedRun() says by which setting a run was named, and that older ones are removed", () =>
  inHome(({ home, add }) => {
    add(at(0), "verify");
    assert.throws(() => openNamedRun(home, at(1), "A"), {
      message:
        /^Cannot use A="\S+": there is no such run in \S+, where older runs are removed: the 50 newest proofs and /,
      next: `A=latest, or as A=${at(0)}`,
    });
    assert.ok(!existsSync(join(home, "runs", at(0), "kept")));
  }));
