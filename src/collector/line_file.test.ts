import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { withSmallDisk } from "../../test/small_disk.ts";
import { oneSpan, withCollector } from "../../test/started_collector.ts";

test("the collector appends to what is there and drops an unfinished last line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "collector-"));
  try {
    const long = `{"x":"${"x".repeat(200_000)}`;
    writeFileSync(join(folder, "traces.jsonl"), `{"resourceSpans":[]}\n${long}`);
    writeFileSync(join(folder, "metrics.jsonl"), long);
    await withCollector(
      async ({ post, text }) => {
        assert.equal(text("metrics.jsonl"), "");
        assert.equal((await post(oneSpan("b"))).status, 200);
      },
      { folder },
    );
    const lines = readFileSync(join(folder, "traces.jsonl"), "utf8").split("\n");
    assert.equal(lines.length, 3);
    assert.equal(lines[0], '{"resourceSpans":[]}');
    assert.match(lines[1]!, /"name":"b"/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the collector goes on at the end when a file is emptied under it", () =>
  withCollector(async ({ post, text, folder }) => {
    await post(oneSpan("a"));
    truncateSync(join(folder, "traces.jsonl"));
    await post(oneSpan("b"));
    assert.match(text("traces.jsonl"), /^\{"resourceSpans".*"name":"b".*\n$/);
  }));

test("the collector rotates a file before it passes its limit, between two lines, and keeps one predecessor", () =>
  withCollector(
    async ({ post, text, folder }) => {
      for (let i = 0; i < 9; i++) assert.equal((await post(oneSpan(`span-${i}`))).status, 200);
      const names = (file: string) => text(file).match(/span-\d/g);
      // A line has 172 bytes: five of them are within 1,000. What the log says of one has 104: nine are.
      assert.deepEqual(names("traces.jsonl.1"), ["span-0", "span-1", "span-2", "span-3", "span-4"]);
      assert.deepEqual(names("traces.jsonl"), ["span-5", "span-6", "span-7", "span-8"]);
      assert.ok(statSync(join(folder, "traces.jsonl.1")).size <= 1_000);
      for (const line of text("traces.jsonl.1").trimEnd().split("\n")) JSON.parse(line);
      assert.equal(existsSync(join(folder, "collector.log.1")), false);
      for (let i = 0; i < 9; i++) await post(oneSpan(`span-${i}`));
      assert.deepEqual(names("traces.jsonl.1"), ["span-1", "span-2", "span-3", "span-4", "span-5"]);
      assert.equal((await post(oneSpan("x".repeat(1_000)))).status, 400);
    },
    { maxFileBytes: 1_000, maxLogBytes: 1_000 },
  ));

test("the collector answers 503, leaves no half line and goes on when the disk is full", (t) =>
  withSmallDisk(t, (folder) =>
    withCollector(
      async ({ post, text, counts }) => {
        const padding = "x".repeat(9_000);
        let response = await post(oneSpan(padding));
        while (response.status === 200) response = await post(oneSpan(padding));
        assert.equal(response.status, 503);
        assert.equal(response.headers.get("retry-after"), "1");
        const status = (await response.json()) as { code: number; message: string };
        assert.equal(status.code, 14);
        assert.match(status.message, /^cannot store the request: .*(ENOSPC|No space left)/);
        const lines = text("traces.jsonl").trimEnd().split("\n");
        assert.equal(lines.length, counts().spans);
        for (const line of lines) JSON.parse(line);
        // What the log says of a request that was not stored is not in it.
        assert.equal(text("collector.log").match(/^Traces\t/gm)?.length, lines.length);
        truncateSync(join(folder, "collector.log"));
        truncateSync(join(folder, "traces.jsonl"));
        assert.equal((await post(oneSpan("again"))).status, 200);
      },
      { folder },
    ),
  ));

test("the collector takes back a half line later when the file system refuses it at once", (t) =>
  withSmallDisk(t, async (folder) => {
    const file = join(folder, "traces.jsonl");
    const change = (flag: string) => execFileSync("chattr", [flag, file], { stdio: "pipe" });
    writeFileSync(file, "");
    try {
      for (const flag of ["+a", "-a"]) change(flag);
    } catch (error) {
      return t.skip(`SKIPPED: needs append-only files: ${(error as Error).message.trim()}`);
    }
    await withCollector(
      async ({ post, text, counts }) => {
        change("+a"); // a file that may only grow refuses to be cut
        const padding = "x".repeat(9_000);
        let response = await post(oneSpan(padding));
        while (response.status === 200) response = await post(oneSpan(padding));
        assert.equal(response.status, 503);
        // What was not acknowledged is still there, a half line or a whole one.
        assert.equal(text("traces.jsonl").split("\n").filter(Boolean).length, counts().spans + 1);
        truncateSync(join(folder, "collector.log"));
        assert.equal((await post(oneSpan("refused"))).status, 503);
        change("-a");
        assert.equal((await post(oneSpan("again"))).status, 200);
        const lines = text("traces.jsonl").trimEnd().split("\n");
        assert.equal(lines.length, counts().spans);
        for (const line of lines) JSON.parse(line);
      },
      { folder },
    );
  }));
