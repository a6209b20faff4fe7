import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { builtCommand, currentRuntime } from "../settings/runtime.ts";
import { lastLineOf, lastText, type Part, startPart } from "./part.ts";

test("startPart() says how a part ended that died in the middle of its first message", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const uncaught: Error[] = []; // `deno test` does not fail by itself
  const note = (error: Error) => void uncaught.push(error);
  process.on("uncaughtException", note);
  try {
    const script = `printf '"rea' >&$NODE_CHANNEL_FD; eval "exec $NODE_CHANNEL_FD>&-"; sleep 0.2; echo "no queue" >&2; exit 3`;
    const started = startPart(
      { name: "worker", file: "/bin/sh", args: ["-c", script], cwd: folder, environment: {}, settings: {} },
      { partId: "1", output: join(folder, "worker.log"), onSpawn: () => {}, signal: new AbortController().signal },
    );
    await assert.rejects(started, { message: "Cannot start the worker: it ended with exit code 3: no queue" });
    assert.deepEqual(uncaught, []);
  } finally {
    process.off("uncaughtException", note);
    rmSync(folder, { recursive: true });
  }
});

test("startPart() says the error that nobody caught, not the last line of its stack", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    const script = join(folder, "main.cjs");
    const cause = 'Object.assign(new Error("taken"), { ports: [1] })';
    writeFileSync(script, `console.log("starting"); throw new RangeError("no port", { cause: ${cause} })`);
    const command = builtCommand(script, currentRuntime);
    const started = startPart(
      { name: "api", ...command, cwd: folder, environment: {}, settings: {} },
      { partId: "1", output: join(folder, "api.log"), onSpawn: () => {}, signal: new AbortController().signal },
    );
    const message = /^Cannot start the api: it ended with exit code 1: (error: Uncaught .*)?RangeError: no port$/;
    await assert.rejects(started, { message });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("startPart() names the part in its telemetry, keeps what the user says of it, and says what an end of its patience waited for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  const started: Part[] = [];
  const isReady = async () => {
    throw new Error("no worker is seen");
  };
  const output = join(folder, "worker.log");
  try {
    const environment = { OTEL_RESOURCE_ATTRIBUTES: "team=a" };
    const script = 'echo "$OTEL_RESOURCE_ATTRIBUTES"; exec sleep 60';
    const plan = { file: "/bin/sh", args: ["-c", script], cwd: folder, environment, settings: {}, isReady };
    await assert.rejects(
      startPart(
        { ...plan, name: "worker" },
        {
          ...{ partId: "1f", output, readyMs: 500, signal: new AbortController().signal },
          onSpawn: (part) => started.push(part),
        },
      ),
      { message: "Cannot start the worker: it is not ready after 0.5 s: no worker is seen" },
    );
    assert.equal(lastText(output), "team=a,prodlike.part.id=1f\n");
  } finally {
    for (const { id } of started) process.kill(id.pid, "SIGKILL");
    rmSync(folder, { recursive: true });
  }
});

test("lastLineOf() tells what the program said last, and not what telemetry says of itself behind it", () => {
  const away = "telemetry error: the collector is away\n";
  assert.equal(lastLineOf(`starting\n{"level":50,"msg":"stopped","err":{"message":"why"}}\n${away}`), "stopped: why");
  assert.equal(lastLineOf(`error: Cannot use QUEUE_URL\n${away}${away}`), "error: Cannot use QUEUE_URL");
  assert.equal(lastLineOf(away), away.trim());
});
