import { type ChildProcess, fork } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { execa } from "execa";
import { Redis } from "ioredis";
import { ROOT } from "../../src/settings/environment.ts";
import { RUN_TYPESCRIPT } from "../../src/settings/runtime.ts";
import { EXIT } from "../../src/terminal/terminal.ts";
import { UserError } from "../../src/terminal/user_error.ts";
import { startTestRedis } from "../../test/store.ts";
import { nextMessage } from "../harness/message.ts";
import type { ReceivedCounts, ReceiverUrls } from "../harness/receiver.ts";
import { OTHERS, type Variant } from "./plan.ts";

/** All that the workers of the tax benchmark need. */
export interface TaxSetting {
  /** Of the queue store. */
  url: string;
  /** What it is, with its version. */
  store: string;
  /** Where each of the workers sends to. */
  receivers: Record<string, ReceiverUrls>;
  /** The built worker, and, where a variant wants it, the same beside other packages. */
  entries: { own: string; others?: string };
  /** A repository with a commit to review. */
  review: { root: string; base: string; head: string };
  received(): Promise<Record<string, ReceivedCounts>>;
  close(): void;
}

/** @throws {UserError} when there is no store, or when packages of the others are missing and wanted */
export async function openTaxSetting(variants: Variant[], queueUrl: string | undefined): Promise<TaxSetting> {
  const names = new Set(variants.map(({ name }) => name));
  const hasOthers = variants.some(({ isOther }) => isOther);
  if (hasOthers && !existsSync(join(OTHERS, "node_modules", "bullmq-otel")))
    throw new UserError("Cannot measure: the packages of bench/others are not installed", {
      next: "npm ci --prefix bench/others",
    });
  if (queueUrl && !/^rediss?:/.test(queueUrl))
    throw new UserError("Cannot measure: QUEUE_URL is no Redis, a redis:// or rediss:// address is wanted");
  const redis = queueUrl ? undefined : await startTestRedis();
  const url = queueUrl ?? redis?.url;
  if (!url)
    throw new UserError("Cannot measure: QUEUE_URL is not set, and no redis-server is on the PATH", {
      next: "install Redis, or make bench PART=tax QUEUE_URL=redis://127.0.0.1:6379",
    });
  const folder = mkdtempSync(join(tmpdir(), "prodlike-bench-"));
  let receiver: ChildProcess | undefined;
  const close = () => {
    if (receiver?.connected) receiver.disconnect();
    redis?.child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", close); // also when it is interrupted; the workers end with it
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(EXIT.interrupted));
  try {
    const store = await versionOf(url);
    receiver = fork(join(ROOT, "bench", "harness", "receiver.ts"), [join(folder, "received"), ...names], {
      execArgv: ["--import", RUN_TYPESCRIPT],
    });
    const collectors = receiver;
    return {
      url,
      store,
      receivers: await nextMessage<Record<string, ReceiverUrls>>(collectors, "receiver"),
      entries: {
        own: await buildWorker(join(ROOT, "dist")),
        ...(hasOthers && { others: await buildWorker(join(OTHERS, "dist")) }),
      },
      review: await makeReview(join(folder, "review")),
      received() {
        collectors.send("counts");
        return nextMessage<Record<string, ReceivedCounts>>(collectors, "receiver");
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function versionOf(url: string): Promise<string> {
  const redis = new Redis(url);
  redis.on("error", () => {}); // it tries again, and its requests fail in the end
  try {
    const [, version] = /^redis_version:(\S+)/m.exec(await redis.info("server")) ?? [];
    return `redis ${version}`;
  } catch (cause) {
    throw new UserError("Cannot measure: the Redis does not answer", { cause });
  } finally {
    redis.disconnect();
  }
}

/**
 * Built as `npm run build:worker` does, as tsx would add calls to code that is not in a package, and to that alone. Where it
 * is, there are its packages: in `bench/others` it is the same worker with those.
 */
export async function buildWorker(folder: string): Promise<string> {
  await build({
    entryPoints: [join(ROOT, "bench", "tax", "child.ts")],
    outdir: join(folder, "tax"),
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    target: "node20.20",
    format: "esm",
    sourcemap: true,
    outExtension: { ".js": ".mjs" },
  });
  return join(folder, "tax", "child.mjs");
}

/** The sample application's own review code, or one file of it, added in one commit. */
export async function makeReview(root: string, file = "."): Promise<TaxSetting["review"]> {
  mkdirSync(root);
  const git = async (...args: string[]) => (await execa("git", ["-C", root, ...identity, ...args])).stdout;
  await git("init", "--quiet");
  await git("commit", "--quiet", "--allow-empty", "--message", "base");
  cpSync(join(ROOT, "src", "app", "review", file), join(root, "review", file), { recursive: true });
  await git("add", ".");
  await git("commit", "--quiet", "--message", "head");
  return { root, base: await git("rev-parse", "HEAD~1"), head: await git("rev-parse", "HEAD") };
}

const identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"];
