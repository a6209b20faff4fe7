import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { workerLine } from "../../test/example_worker_facts.ts";
import { fillDisk, withSmallDisk } from "../../test/small_disk.ts";
import { ROOT } from "../settings/environment.ts";
import { type RunPlace, readRun } from "../sources/open_run.ts";
import { beginRun, endRun } from "./run_folder.ts";

async function record(root: string, say?: (line: string) => void, folder = root): Promise<RunPlace> {
  const file = (name: string) => join(root, name);
  const files = { traces: file("traces.jsonl"), metrics: file("metrics.jsonl"), collectorLog: file("collector.log") };
  const content = { store: "redis", limits: null, load: {}, spanAccounting: {}, throttling: { notMeasured: "a test" } };
  const start = { file: "", args: [], shown: "", cwd: root, environment: {} };
  const services = [{ role: "worker", name: "prodlike-worker", start, environment: {}, ready: "message" } as const];
  const source = { home: join(root, ".prodlike"), kind: "local", application: { folder, services: [...services] } };
  return endRun(source, files, beginRun(files), content, say);
}

test("endRun() leaves a link that is named like a run alone", async () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const runs = join(root, ".prodlike", "runs");
    mkdirSync(runs, { recursive: true });
    symlinkSync("/nowhere", join(runs, "20000101T000000Z-0000"));
    const { id } = await record(root);
    assert.deepEqual(readdirSync(runs).sort(), ["20000101T000000Z-0000", id]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("endRun() describes the worker by what it has sent, and the application by its own revision", async () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const read = async (application = root) =>
    JSON.parse(readFileSync(join((await record(root, () => {}, application)).folder, "run.json"), "utf8"));
  try {
    // Whatever the command that records wants of a worker.
    const none = await read();
    assert.deepEqual([none.worker, none.gitRevision.startsWith("not known")], [{ queues: {} }, true]);
    const queues = { mails: { concurrency: 8, lockSeconds: 15, renewSeconds: 2, lostLocks: 1 } };
    const sent = { instance: "a", service: "prodlike-worker", queues };
    const later = { ...sent, second: 1e10, queues: { mails: { concurrency: 9 } } };
    writeFileSync(join(root, "metrics.jsonl"), workerLine({ ...sent, second: 2 }) + workerLine(later));
    const { worker, gitRevision } = await read(ROOT);
    const queue = { concurrency: 8, lockDurationMs: 15_000, lockRenewMs: 2_000 };
    const limits = { heapLimitBytes: 448 * 2 ** 20, cpuLimit: 0.5, memoryLimitBytes: 512 * 2 ** 20 };
    assert.deepEqual(worker, {
      ...{ processes: 1, ...queue, queues: { mails: queue }, ...limits },
      ...{ isReady: true, command: "/app/dist/worker.js" },
    });
    assert.match(gitRevision, /^[0-9a-f]{40}$/);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("endRun() says in one line that a run cannot be written", async () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    mkdirSync(join(root, ".prodlike"));
    writeFileSync(join(root, ".prodlike", "runs"), "");
    await assert.rejects(record(root), { name: "UserError", message: /^Cannot write the run "\w+-\w+": \w+/ });
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("endRun() keeps a run elsewhere when its disk is full, and says where", async (t) => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const home = join(root, ".prodlike");
  try {
    await withSmallDisk(
      t,
      async () => {
        fillDisk(home);
        const lines: string[] = [];
        const run = await record(root, (line) => lines.push(line));
        const { id, folder } = run;
        const what = `Cannot write the run "${id}": no space left on the disk of "${home}/runs" (ENOSPC)`;
        assert.deepEqual(lines, [`${what}: it is in ${folder}, until you remove it`]);
        assert.deepEqual(readdirSync(folder).sort(), ["collector.log", "metrics.jsonl", "run.json", "traces.jsonl"]);
        assert.equal(readRun(run).id, id);
        rmSync(dirname(dirname(folder)), { recursive: true });
      },
      { folder: home },
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("endRun() tells which runs it removes", async () => {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const runs = join(root, ".prodlike", "runs");
    const old = Array.from({ length: 50 }, (_, index) => `20000101T0000${String(index).padStart(2, "0")}Z-0000`);
    for (const id of old) mkdirSync(join(runs, id), { recursive: true });
    const lines: string[] = [];
    await record(root, (line) => lines.push(line));
    assert.deepEqual(lines, [`removed, as the 50 newest recordings are kept: ${old[0]}`]);
    assert.equal(readdirSync(runs).length, 50);
  } finally {
    rmSync(root, { recursive: true });
  }
});
