import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createTestRoot } from "../../test/review_repository.ts";
import { startTestStore } from "../../test/store.ts";
import { ROOT } from "../settings/environment.ts";
import { currentRuntime, entryCommand } from "../settings/runtime.ts";
import { freePort } from "../stack/ports.ts";

interface Child {
  kill(signal: NodeJS.Signals): void;
  stderr: () => string;
  /** Resolves when the log has a line with this message; rejects when the process ends first. */
  logged(message: string): Promise<Record<string, unknown>>;
  /** Resolves with the first message to the parent; rejects when the process ends first. */
  ready: Promise<unknown>;
  /** Resolves with the exit code, or the signal. */
  ended: Promise<number | NodeJS.Signals>;
}

/** Starts `scripts/<name>.ts` as the stack does. */
function startScript(name: string, environment: NodeJS.ProcessEnv): Child {
  const { file, args } = entryCommand(join(ROOT, "scripts", `${name}.ts`), currentRuntime);
  const env = { ...process.env, OTEL_ENABLED: "false", ...environment };
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  const unexpected = ended.then((code) => Promise.reject(new Error(`${name} ended with ${code}: ${stderr}`)));
  const lines: Record<string, unknown>[] = [];
  const log = createInterface({ input: child.stdout! }).on("line", (line) => {
    const entry = JSON.parse(line);
    lines.push(entry);
    log.emit("entry", entry);
  });
  const logged = async (message: string) => {
    for (;;) {
      const found = lines.find(({ msg }) => msg === message);
      if (found) return found;
      await Promise.race([once(log, "entry"), unexpected]);
    }
  };
  const ready = Promise.race([once(child, "message").then(([message]) => message), unexpected]);
  for (const promise of [unexpected, ready]) promise.catch(() => {}); // no failure of a test that does not wait for it
  const kill = (signal: NodeJS.Signals) => {
    // Not `child.kill`: Deno would take its signal for the reason of the end, whatever the child does with it.
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, signal);
  };
  return { kill, stderr: () => stderr, logged, ready, ended };
}

test("the entries wait for the queue store, drain the running job and end with 0", { timeout: 60_000 }, async () => {
  const store = await startTestStore();
  await store.stop();
  const root = await createTestRoot();
  const apiPort = await freePort();
  const environment = { QUEUE_URL: store.url, REVIEW_ROOT: root.path, API_PORT: String(apiPort) };
  const [api, worker] = [startScript("api", environment), startScript("worker", environment)];
  try {
    await (await root.repository(".")).commit({ "a.ts": "debugger;\n" });
    await Promise.all([api.logged("waiting for the queue store"), worker.logged("waiting for the queue store")]);
    await store.start(); // both now migrate the empty database
    assert.deepEqual(await Promise.all([api.ready, worker.ready]), ["ready", "ready"]);

    const response = await fetch(`http://127.0.0.1:${apiPort}/reviews`, { method: "POST" });
    const { id } = (await response.json()) as { id: string };
    assert.equal((await worker.logged("review started")).review, id);
    worker.kill("SIGTERM");
    await worker.logged("stopping");
    worker.kill("SIGTERM"); // nothing more
    assert.equal(await worker.ended, 0);
    const answer = await fetch(`http://127.0.0.1:${apiPort}/reviews/${id}`);
    assert.equal(((await answer.json()) as { state: string }).state, "completed");

    api.kill("SIGINT");
    assert.equal(await api.ended, 0);
    assert.deepEqual([api.stderr(), worker.stderr()], ["", ""]);
  } finally {
    api.kill("SIGKILL");
    worker.kill("SIGKILL");
    await Promise.all([store.close(), root.remove()]);
  }
});

test("the entries see the queue store go and come, and end with 0 while it is gone", { timeout: 60_000 }, async () => {
  const store = await startTestStore();
  const root = await createTestRoot();
  const environment = { QUEUE_URL: store.url, REVIEW_ROOT: root.path, API_PORT: String(await freePort()) };
  const children = [startScript("api", environment), startScript("worker", environment)];
  try {
    await Promise.all(children.map(({ ready }) => ready));
    await store.stop();
    await Promise.all(children.map(({ logged }) => logged("queue store failed")));
    await store.start();
    await Promise.all(children.map(({ logged }) => logged("queue store answers again")));
    await store.stop();
    for (const child of children) child.kill("SIGTERM");
    assert.deepEqual(await Promise.all(children.map(({ ended }) => ended)), [0, 0]);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([store.close(), root.remove()]);
  }
});

test("the entries end with 0 while they still wait for the queue store", { timeout: 60_000 }, async () => {
  const environment = { QUEUE_URL: `postgres://127.0.0.1:${await freePort()}/x`, API_PORT: String(await freePort()) };
  const children = [startScript("api", environment), startScript("worker", environment)];
  try {
    await Promise.all(children.map(({ logged }) => logged("waiting for the queue store")));
    for (const child of children) child.kill("SIGTERM");
    assert.deepEqual(await Promise.all(children.map(({ ended }) => ended)), [0, 0]);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
});

test("the entries print what the user can mend as one line and end with 2", { timeout: 60_000 }, async () => {
  for (const name of ["api", "worker"]) {
    const child = startScript(name, { API_PORT: "none" });
    assert.equal(await child.ended, 2);
    assert.equal(child.stderr(), 'error: Cannot use API_PORT="none": a whole number from 1 to 65535 is wanted\n');
  }
});
