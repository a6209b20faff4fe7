import assert from "node:assert/strict";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { markEnd } from "../otlp/live_file.ts";
import { readRun } from "../sources/open_run.ts";
import { recordWindow } from "./record_window.ts";

async function inFolder(use: (root: string, file: (name: string) => string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    await use(root, (name) => join(root, name));
  } finally {
    rmSync(root, { recursive: true });
  }
}

const sourceIn = (root: string) => {
  return { home: join(root, ".prodlike"), kind: "local", application: { folder: root, services: [] } };
};
const content = { store: "redis", limits: null, spanAccounting: {}, throttling: { notMeasured: "a test" } };

test("recordWindow() keeps what arrives from the beginning of the work until it has settled", () =>
  inFolder(async (root, file) => {
    const files = { traces: file("traces"), metrics: file("metrics"), collectorLog: file("log") };
    for (const path of Object.values(files)) writeFileSync(path, '"before"\n');
    const metrics = markEnd(files.metrics);
    appendFileSync(files.metrics, '"just before"\n');
    const {
      run,
      worked,
      content: known,
    } = await recordWindow(sourceIn(root), {
      files,
      metrics,
      async work() {
        appendFileSync(files.traces, '"work"\n');
        return 42;
      },
      async settle(_run, result) {
        for (const path of Object.values(files)) appendFileSync(path, '"late"\n');
        return { ...content, load: { kind: "verify", result } };
      },
    });
    const text = (name: string) => readFileSync(join(run.folder, name), "utf8");
    assert.deepEqual(
      [text("traces.jsonl"), text("metrics.jsonl"), text("collector.log")],
      ['"work"\n"late"\n', '"just before"\n"late"\n', '"late"\n'],
    );
    const { id, description } = readRun(run);
    assert.deepEqual([id, worked, description.load], [run.id, 42, known.load]);
  }));

test("recordWindow() leaves no run when the work throws", () =>
  inFolder(async (root, file) => {
    const files = { traces: file("traces"), metrics: file("metrics"), collectorLog: file("log") };
    const work = async () => {
      throw new RangeError("ended by a test");
    };
    const window = { files, work, settle: async () => ({ ...content, load: {} }) };
    await assert.rejects(recordWindow(sourceIn(root), window), { message: "ended by a test" });
    assert.equal(existsSync(join(root, ".prodlike", "runs")), false);
  }));
