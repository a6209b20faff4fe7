import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LiveFile } from "./live_file.ts";

async function withFile(use: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "otlp-"));
  try {
    await use(join(folder, "traces.jsonl"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function newIn(file: LiveFile): Promise<number[]> {
  const found: number[] = [];
  for await (const number of file.newRequests<number>()) found.push(number);
  return found;
}

test("a LiveFile reads what is appended once, and a line when it is finished", () =>
  withFile(async (path) => {
    writeFileSync(path, "1\n");
    const file = new LiveFile(path);
    assert.deepEqual(await newIn(file), []);
    appendFileSync(path, "2\n3\n4");
    assert.deepEqual(await newIn(file), [2, 3]);
    assert.deepEqual(await newIn(file), []);
    appendFileSync(path, "5\n");
    assert.deepEqual(await newIn(file), [45]);
  }));

test("a LiveFile goes on in the file that follows after a rotation, and from the beginning when it is emptied", () =>
  withFile(async (path) => {
    const file = new LiveFile(path);
    assert.deepEqual(await newIn(file), []);
    writeFileSync(path, "1\n2\n");
    assert.deepEqual(await newIn(file), [1, 2]);
    appendFileSync(path, "3\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "4\n");
    assert.deepEqual(await newIn(file), [3, 4]);
    truncateSync(path);
    assert.deepEqual(await newIn(file), []);
    appendFileSync(path, "5\n");
    assert.deepEqual(await newIn(file), [5]);
  }));

test("a LiveFile left alone in the middle goes on there", () =>
  withFile(async (path) => {
    const file = new LiveFile(path);
    writeFileSync(path, "1\n2\n3\n");
    for await (const number of file.newRequests<number>()) if (number === 2) break;
    assert.deepEqual(await newIn(file), [3]);
  }));
