import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { examineApart } from "./examine_apart.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Each key of a mapping is compared with all others: hours. */
const BUSY = `services:\n${Array.from({ length: 100_000 }, (_, index) => ` a${index}:\n`).join("")}`;
/** Each stage has all the variables of the one before. */
const LARGE = `FROM node\nENV${Array.from({ length: 50_000 }, (_, index) => ` a${index}=1`).join("")}\n${"FROM 0\n".repeat(50_000)}`;

test("examineApart() finds what is wrong, in the environment that it is given", () =>
  inFolder(async (folder) => {
    writeFileSync(
      join(folder, "compose.yaml"),
      "services: { worker: { image: 'node:24', command: node w.js, mem_limit: $SIZE, memswap_limit: -1 } }",
    );
    const { signal } = new AbortController();
    const { findings, processes, read } = await examineApart(folder, { SIZE: "256m" }, { signal });
    assert.deepEqual(
      findings.map(({ rule }) => rule),
      ["heap-above-memory", "swap-behind-memory"],
    );
    assert.deepEqual([processes, read], [["compose.yaml worker"], ["compose.yaml"]]);
    await assert.rejects(examineApart(join(folder, "gone"), {}, { signal }), {
      name: "UserError",
      message: /there is no such file or folder$/,
    });
  }));

test("examineApart() gives up a file that keeps its parser busy, when the time is over or the signal aborts", () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, "compose.yaml"), BUSY);
    const end = new AbortController();
    const { signal } = end;
    await assert.rejects(examineApart(folder, {}, { signal, timeoutMs: 1_000 }), {
      name: "UserError",
      message: /^Cannot read APP=".*": it takes more than 1 s, less is wanted$/,
    });
    const examined = examineApart(folder, {}, { signal, timeoutMs: 600_000 });
    end.abort(new Error("enough"));
    await assert.rejects(examined, { message: "enough" });
  }));

test("examineApart() gives up a file that fills the memory", () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, "Dockerfile"), LARGE);
    const { signal } = new AbortController();
    await assert.rejects(examineApart(folder, {}, { signal, timeoutMs: 600_000, maxHeapMb: 64 }), {
      name: "UserError",
      message: /^Cannot read APP=".*": it takes more than 64 MB of memory$/,
    });
  }));
