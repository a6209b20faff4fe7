import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { runProfiled } from "../../../test/profiled_program.ts";
import { currentRuntime } from "../../settings/runtime.ts";
import { readProfile } from "../../sources/read_profile.ts";
import { toPprof } from "./deno_profiler.ts";

test("toPprof() keeps stacks and the time that is not idle", () => {
  const frame = (functionName: string, lineNumber: number, url = "file:///app/a.ts") => ({
    callFrame: { functionName, scriptId: "1", url, lineNumber, columnNumber: 0 },
  });
  const profile = toPprof({
    nodes: [
      { id: 1, ...frame("(root)", -1, ""), children: [2, 3] },
      { id: 2, ...frame("(idle)", -1, "") },
      { id: 3, ...frame("outer", 4), children: [4] },
      { id: 4, ...frame("", 9), children: [5] },
      { id: 5, ...frame("ours", 0, import.meta.url) },
    ],
    samples: [2, 3, 4, 4, 5, 2],
    timeDeltas: [900, 10, 20, 30, 40, 900],
    startTime: 0,
    endTime: 2_000,
  });
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const path = join(folder, "x.pb.gz");
    writeFileSync(path, gzipSync(profile.encode()));
    const outer = { name: "outer", file: "/app/a.ts", line: 5 };
    assert.deepEqual(readProfile(path), [
      { values: { sample: 1, wall: 10_000 }, labels: {}, stack: [outer] },
      {
        values: { sample: 2, wall: 50_000 },
        labels: {},
        stack: [{ name: "(anonymous)", file: "/app/a.ts", line: 10 }, outer],
      },
      {
        values: { sample: 1, wall: 40_000 },
        labels: {},
        stack: [
          { name: "ours", file: `prodlike:${import.meta.filename}`, line: 1 },
          { name: "(anonymous)", file: "/app/a.ts", line: 10 },
          outer,
        ],
      },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a process on Deno sends what its thread did, without labels", { skip: currentRuntime !== "deno" }, async () => {
  const ran = await runProfiled(
    `const { setTimeout: sleep } = await import("node:timers/promises");
    await inJob("a", async () => { for (let i = 0; i < 8; i++) { burn("work", 60); await sleep(20); } });`,
    { PYROSCOPE_FLUSH_INTERVAL_MS: "200", OTEL_SERVICE_NAME: "on-deno" },
  );
  assert.equal(ran.code, 0, ran.stderr);
  const samples = ran.profiles.flatMap((profile) => profile.samples);
  // Not by the name of the work, which V8 may show as a part of its caller.
  const own = samples.filter(({ stack }) => stack.some(({ name }) => name === "burn"));
  const ms = own.reduce((sum, { values }) => sum + (values.wall ?? 0) / 1e6, 0);
  assert.ok(ms > 240 && ms < 960, `${ms} ms in samples of 480 ms`);
  assert.ok(own.every(({ labels, values }) => Object.keys(labels).length === 0 && !("cpu" in values)));
  assert.ok(ran.profiles.length >= 2 && ran.profiles.every(({ service }) => service === "on-deno"));
});
