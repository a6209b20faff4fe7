import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endProcess } from "../src/processes/process_id.ts";
import { type Part, startPart } from "../src/stack/part.ts";
import { planPostgres } from "../src/stack/plan.ts";
import { freePort } from "../src/stack/ports.ts";
import { planStore } from "../src/stack/postgres.ts";
import { stackFiles } from "../src/stack/state.ts";

/** A real PostgreSQL for one test, of the same making as the stack's. */
export interface TestStore {
  url: string;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

export async function startTestStore(): Promise<TestStore> {
  const home = await mkdtemp(join(tmpdir(), "prodlike-test-"));
  const files = stackFiles({ home });
  await mkdir(files.folder);
  const command = await planStore(files.postgres, files.folder, { running: false });
  let part: Part | undefined;
  const store: TestStore = {
    url: command.url,
    async start() {
      await startPart(planPostgres({ home, root: home }, command), {
        partId: "store",
        output: files.output("postgres"),
        signal: new AbortController().signal,
        onSpawn: (started) => {
          part = started;
        },
      });
    },
    async stop() {
      if (part) await endProcess(part.id, { signal: "SIGINT", graceMs: 10_000 });
    },
    async close() {
      await store.stop();
      const { folder } = JSON.parse(await readFile(files.postgres, "utf8"));
      for (const path of [folder, home]) await rm(path, { recursive: true, force: true });
    },
  };
  await store.start();
  return store;
}

/** Starts a Redis without a file on a port of its own; `undefined` when none is installed. */
export async function startTestRedis(): Promise<{ url: string; child: ChildProcess } | undefined> {
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const child = spawn("redis-server", args, { stdio: "ignore" });
  const missing = once(child, "error").then(() => true);
  if (await Promise.race([missing, once(child, "spawn").then(() => false)])) return undefined;
  return { url: `redis://127.0.0.1:${port}`, child };
}
