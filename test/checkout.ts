import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime, entryCommand } from "../src/settings/runtime.ts";
import { freePort, isFree } from "../src/stack/ports.ts";
import type { StackState } from "../src/stack/state.ts";
import type { ServerUser } from "../src/stack/store_folder.ts";
import { waitFor } from "../src/wait_for.ts";

/** What a script left. */
export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A second checkout of the project as it is in the working tree, with ports of its own: what a test may break. */
export interface Checkout {
  folder: string;
  /** Its ports. */
  environment: Record<string, string>;
  /** Starts `scripts/<name>.ts`, with `extra` in its environment, as another user when one is given. */
  start(name: string, extra?: Record<string, string>, user?: ServerUser): ChildProcess;
  /** Runs it to its end. */
  run(name: string, extra?: Record<string, string>): Promise<Ran>;
  state(): StackState | undefined;
  /** Pids of all processes that run from this checkout or serve its store. */
  processes(): Promise<number[]>;
  /** Kills all of them, those too that have just ended. */
  killAll(): Promise<void>;
  /** Ends what still runs and removes its store. */
  end(): Promise<void>;
  /** The same, and removes the checkout. */
  close(): Promise<void>;
}

export async function makeCheckout(): Promise<Checkout> {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-checkout-"));
  await execa("git", ["clone", "--quiet", ROOT, folder]);
  const { stdout } = await execa("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  });
  for (const path of stdout.split("\0").filter(Boolean)) {
    if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(folder, path));
    else rmSync(join(folder, path), { force: true });
  }
  for (const packages of ["node_modules", "test/runtimes/node_modules"])
    linkPackages(join(ROOT, packages), join(folder, packages));
  const environment: Record<string, string> = {};
  for (const name of ["API_PORT", "OTLP_PORT", "PYROSCOPE_PORT"]) environment[name] = String(await freePort());
  const stackFolder = join(folder, ".prodlike", "stack");
  const read = (name: string) => {
    try {
      return JSON.parse(readFileSync(join(stackFolder, name), "utf8"));
    } catch {
      return undefined; // there is none, or a test has damaged it
    }
  };

  const checkout: Checkout = {
    folder,
    environment,
    start(name, extra = {}, user = {}) {
      const { file, args } = entryCommand(join(folder, "scripts", `${name}.ts`), currentRuntime);
      return spawn(file, args, { cwd: folder, env: { ...inherited(), ...environment, ...extra }, ...user });
    },
    run: (name, extra) => finish(checkout.start(name, extra)),
    state: () => read("state.json"),
    async processes() {
      const store: string | undefined = read("postgres.json")?.folder;
      const { stdout } = await execa("ps", ["-eo", "pid=,args="]);
      const isMine = (line: string) =>
        line.includes(folder) || (store && (line.includes(store) || workingFolder(line).startsWith(store)));
      return stdout
        .split("\n")
        .filter(isMine)
        .map((line) => Number.parseInt(line, 10));
    },
    async killAll() {
      for (const pid of await checkout.processes()) {
        try {
          process.kill(pid, "SIGKILL");
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
        }
      }
    },
    async end() {
      await checkout.run("otel_down");
      await checkout.killAll();
      const store: string | undefined = read("postgres.json")?.folder;
      if (store?.startsWith(dirname(folder))) rmSync(store, { recursive: true, force: true });
    },
    async close() {
      await checkout.end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return checkout;
}

/** Of a line of ps, on Linux: PostgreSQL's own children do not name the store in their arguments. */
function workingFolder(line: string): string {
  try {
    return readlinkSync(`/proc/${Number.parseInt(line, 10)}/cwd`);
  } catch {
    return ""; // gone, somebody else's, or no Linux
  }
}

/** A folder of links, not a link to the folder: an `npm ci` in the checkout must not empty ours. */
function linkPackages(from: string, to: string): void {
  if (!existsSync(from)) return;
  mkdirSync(to);
  for (const name of readdirSync(from)) symlinkSync(join(from, name), join(to, name));
  // Newer than package-lock.json: nothing to install.
  rmSync(join(to, ".package-lock.json"));
  cpSync(join(from, ".package-lock.json"), join(to, ".package-lock.json"));
}

/** Asserts that no process of it runs or will go on, that its ports are free, and that nothing is on record. */
export async function nothingIsLeft(checkout: Checkout): Promise<void> {
  const isEmpty = async () => (await checkout.processes()).length === 0 || undefined;
  await waitFor(isEmpty, "the end of all processes", { timeoutMs: 30_000 }).catch(async () => {
    const pids = (await checkout.processes()).join();
    assert.fail((await execa("ps", ["-o", "pid,ppid,stat,etime,args", "-p", pids], { reject: false })).stdout);
  });
  for (const port of Object.values(checkout.environment)) assert.equal(await isFree(Number(port)), true);
  assert.equal(checkout.state(), undefined);
}

/** Waits for a child's end and collects what it prints. */
export async function finish(child: ChildProcess): Promise<Ran> {
  const ran: Ran = { code: null, signal: null, stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text) => {
      ran[stream] += text;
    });
  }
  [ran.code, ran.signal] = await once(child, "close");
  return ran;
}

/** This process's environment without what would change how a script behaves. */
function inherited(): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(OTEL_|PYROSCOPE_|PROFILING$|NODE_TEST|JSON$|ONLY$|QUEUE_URL$|MAKE)/.test(name),
  );
  return Object.fromEntries(kept.map(([name, value]) => [name, value ?? ""]));
}
