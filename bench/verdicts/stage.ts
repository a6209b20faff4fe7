import { type ChildProcess, fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { Redis } from "ioredis";
import { findMechanism, type Mechanism } from "../../src/limits/mechanism.ts";
import { ROOT } from "../../src/settings/environment.ts";
import { RUN_TYPESCRIPT } from "../../src/settings/runtime.ts";
import { EXIT } from "../../src/terminal/terminal.ts";
import { UserError } from "../../src/terminal/user_error.ts";
import { startTestRedis } from "../../test/store.ts";
import { nextMessage } from "../harness/message.ts";
import type { ReceiverUrls } from "../harness/receiver.ts";
import { makeReview } from "../tax/setting.ts";
import { turnsOf } from "../tax/workloads.ts";
import type { ServiceUrls } from "./services.ts";

/** All that the workers of the verdicts benchmark need. */
export interface VerdictStage {
  /** Of the queue store, and of what is slow. */
  urls: ServiceUrls & { store: string; receiver: ReceiverUrls };
  /** With its version. */
  store: string;
  /** Built programs. */
  entries: { worker: string; api: string };
  /** Where the runs are recorded. */
  home: string;
  /** The files of the receiver. */
  received: string;
  turnsPerMs: number;
  /** What enforces a quota. */
  mechanism: Mechanism;
  /** A repository with a commit of one file to review. */
  review: { root: string; base: string; head: string };
  close(): void;
}

/** @throws {UserError} when there is no Redis to start */
export async function openVerdictStage(): Promise<VerdictStage> {
  const redis = await startTestRedis();
  if (!redis)
    throw new UserError("Cannot measure: no redis-server is on the PATH", { next: "install Redis, then try again" });
  const folder = mkdtempSync(join(tmpdir(), "prodlike-verdicts-"));
  const children: ChildProcess[] = [];
  const close = () => {
    for (const child of children) if (child.connected) child.disconnect();
    redis.child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", close); // also when it is interrupted; the workers end with it
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(EXIT.interrupted));
  const start = async <T>(script: string, ...args: string[]) => {
    const child = fork(join(ROOT, "bench", script), args, { execArgv: ["--import", RUN_TYPESCRIPT] });
    children.push(child);
    return nextMessage<T>(child, script);
  };
  try {
    const store = await versionOf(redis.url);
    const { port } = new URL(redis.url);
    const services = await start<ServiceUrls>("verdicts/services.ts", port);
    const { runs } = await start<{ runs: ReceiverUrls }>("harness/receiver.ts", folder, "runs");
    const system = { uid: process.getuid?.(), platform: process.platform, path: process.env.PATH ?? "" };
    return {
      urls: { store: redis.url, ...services, receiver: runs },
      ...{ store, entries: await buildEntries(), home: join(folder, "home"), received: join(folder, "runs") },
      ...{ turnsPerMs: turnsOf(10) / 10, mechanism: findMechanism(system) },
      review: await makeReview(join(folder, "review"), "changes.ts"),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function versionOf(url: string): Promise<string> {
  const redis = new Redis(url);
  redis.on("error", () => {}); // it tries again until the server is there
  try {
    const [, version] = /^redis_version:(\S+)/m.exec(await redis.info("server")) ?? [];
    return `redis ${version}`;
  } finally {
    redis.disconnect();
  }
}

/** As `npm run build:worker` builds a worker. */
async function buildEntries(): Promise<VerdictStage["entries"]> {
  const outdir = join(ROOT, "dist", "verdicts");
  await build({
    entryPoints: ["worker.ts", "api.ts"].map((file) => join(ROOT, "bench", "verdicts", file)),
    ...{ outdir, bundle: true, splitting: true, packages: "external", platform: "node", target: "node20.20" },
    ...{ format: "esm", sourcemap: true, outExtension: { ".js": ".mjs" } },
  });
  return { worker: join(outdir, "worker.mjs"), api: join(outdir, "api.mjs") };
}
