import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openRun } from "./open_run.ts";

const OLD = "20260101T000000Z-0000";
const NEW = "20260102T000000Z-0000";
const times = { start: "2026-01-02T00:00:00.000Z", end: "2026-01-02T00:01:00.000Z" };

/** A folder `.prodlike` with two runs; the newer one holds `run.json` as given. */
function withRuns(use: (home: string, write: (run: unknown) => void) => void): void {
  const home = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const write = (id: string, run: unknown) =>
    writeFileSync(join(home, "runs", id, "run.json"), typeof run === "string" ? run : JSON.stringify(run));
  try {
    for (const id of [OLD, NEW]) {
      mkdirSync(join(home, "runs", id), { recursive: true });
      write(id, { version: 1, id, ...times, stack: id });
    }
    use(home, (run) => write(NEW, run));
  } finally {
    rmSync(home, { recursive: true });
  }
}

test("openRun() finds a run by its id, by its folder, or as the latest", () => {
  withRuns((home) => {
    for (const [wanted, id] of [
      [OLD, OLD],
      ["latest", NEW],
      [join(home, "runs", OLD), OLD],
      [`${join(home, "runs", OLD)}/`, OLD],
    ] as const) {
      const run = openRun(home, wanted);
      assert.deepEqual([run.id, run.folder, run.description.stack], [id, join(home, "runs", id), id]);
      assert.deepEqual([run.traces, run.metrics, run.profiles], [undefined, undefined, []]);
    }
  });
});

test("openRun() takes the newest recording for the latest, not a proof behind it", () => {
  withRuns((home, write) => {
    write({ version: 1, id: NEW, ...times, load: { kind: "verify" } });
    assert.equal(openRun(home, "latest").id, OLD);
    rmSync(join(home, "runs", OLD), { recursive: true });
    assert.equal(openRun(home, "latest").id, NEW);
  });
});

test("openRun() leads nowhere else", () => {
  withRuns((home) => {
    symlinkSync("/etc", join(home, "runs", "20260103T000000Z-0000"));
    mkdirSync(join(home, "other"));
    for (const wanted of ["..", ".", "", `../runs/${OLD}`, `${OLD}/../..`, "/etc", "20260103T000000Z-0000", "other"]) {
      const message = /^Cannot use RUN=".*": there is no such run in /;
      assert.throws(() => openRun(home, wanted), { name: "UserError", message, next: `RUN=latest, or as RUN=${NEW}` });
    }
    assert.throws(() => openRun(join(home, "other"), "latest"), { message: /there are no runs in/ });
  });
});

test("openRun() takes files, not links, for telemetry", () => {
  withRuns((home) => {
    const folder = join(home, "runs", NEW);
    writeFileSync(join(folder, "traces.jsonl"), "");
    symlinkSync("/etc/passwd", join(folder, "metrics.jsonl"));
    mkdirSync(join(folder, "profiles/a%2Fb"), { recursive: true });
    writeFileSync(join(folder, "profiles/a%2Fb/20-30.pb.gz"), "");
    writeFileSync(join(folder, "profiles/a%2Fb/10-20.pb.gz"), "");
    symlinkSync("/etc/passwd", join(folder, "profiles/a%2Fb/30-40.pb.gz"));
    const run = openRun(home, NEW);
    writeFileSync(join(folder, "profiles/file"), "");
    assert.throws(() => openRun(home, NEW), { name: "UserError", message: /^Cannot use ".*profiles": ENOTDIR/ });
    assert.deepEqual([run.traces, run.metrics], [join(folder, "traces.jsonl"), undefined]);
    assert.deepEqual(
      run.profiles.map(({ service, fromMs }) => [service, fromMs]),
      [
        ["a/b", 10],
        ["a/b", 20],
      ],
    );
  });
});

test("openRun() takes a run of this version with its times", () => {
  withRuns((home, write) => {
    write({ version: 1, ...times, load: 5, stack: 5 });
    assert.deepEqual(openRun(home, NEW).description, { version: 1, ...times, load: {}, stack: 5 });
    for (const [run, message] of [
      ["{", /JSON/],
      ["null", /^Cannot use ".*run.json": it is damaged, or another version of prodlike wrote it$/],
      [{ version: 2, ...times }, /another version/],
      [{ version: 1, ...times, end: "soon" }, /no start and end/],
      [`"${" ".repeat(17_000_000)}"`, /larger than/],
    ] as const) {
      write(run);
      assert.throws(() => openRun(home, NEW), { name: "UserError", message });
    }
    rmSync(join(home, "runs", NEW, "run.json"));
    assert.throws(() => openRun(home, "latest"), { message: /it is missing, or no plain file/ });
  });
});

test("openRun() names what it cannot use without control characters, on one line", () => {
  withRuns((home, write) => {
    write("{\x1b[2J\nProved");
    assert.throws(() => openRun(home, NEW), { name: "UserError", message: /^Cannot use ".*run.json": [^\p{Cc}]+$/u });
    assert.throws(() => openRun(home, "\x1b[2J\n", "A"), {
      message: /^Cannot use A="⟨ESC⟩\[2J⟨LF⟩": there is no such run/,
    });
  });
});
