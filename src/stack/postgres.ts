import { type SpawnOptions, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { readJson, writeJson } from "../files/json_file.ts";
import { identify } from "../processes/process_id.ts";
import { UserError } from "../terminal/user_error.ts";
import { waitFor } from "../wait_for.ts";
import { commandLine } from "./mark.ts";
import { freePort, isFree } from "./ports.ts";
import { elsewhere, exists, findPrograms, runnablePrograms, serverUser } from "./postgres_programs.ts";
import type { ServerUser } from "./store_folder.ts";
import {
  keepStoreFolder,
  makeServerFolder,
  makeStoreFolder,
  readOfServer,
  removeStoreFolder,
  serverEnvironment,
  writeForServer,
} from "./store_folder.ts";

/** The embedded queue store: a real PostgreSQL whose data outlives `otel-down`, as a named volume would. */
export interface PostgresStore {
  /** Holds `data` and, where the server's user may not reach them, a copy of the programs. */
  folder: string;
  port: number;
  /** Random, made with the data. */
  password: string;
}

/** How to start the server of a store. */
export interface PostgresCommand {
  /** Makes the data where there are none; before the server is started. */
  prepare(signal: AbortSignal): Promise<void>;
  file: string;
  args: string[];
  environment: Record<string, string>;
  /** A folder that its user may enter. */
  cwd: string;
  uid?: number;
  gid?: number;
  /** For `QUEUE_URL`. */
  url: string;
}

/**
 * Finds the store described in `file`, or describes a new one there, and says how to start its server. Run by root, the
 * server runs as user "postgres" or "nobody", since PostgreSQL refuses root, and its data are in the temporary folder,
 * since that user may not enter ours.
 *
 * @throws {UserError} where there are no programs for this platform
 */
export async function planStore(
  file: string,
  home: string,
  { running }: { running: boolean },
): Promise<PostgresCommand> {
  const user = await serverUser();
  const programs = await findPrograms();
  let store = await readStore(file);
  if (!store || !(await exists(store.folder))) store = await describeStore(home, user);
  if (!running && !(await isFree(store.port))) store.port = await freePort();
  writeJson(file, store);
  const { folder, port, password } = store;
  const native = await runnablePrograms(programs, join(folder, "programs"), user);
  return {
    prepare: async (signal) => {
      keepStoreFolder(folder, user);
      if (!running) await clearPidFile(dataOf(store), signal);
      await native.prepare();
      if (!(await exists(dataOf(store)))) await createData(store, native.folder, user, signal);
    },
    file: join(native.folder, "bin", "postgres"),
    // TCP on the loopback alone: a socket file would need a folder that both users may enter.
    args: [
      "-D",
      dataOf(store),
      "-p",
      String(port),
      "-c",
      "listen_addresses=127.0.0.1",
      "-c",
      "unix_socket_directories=",
      "-c",
      SHARED_MEMORY,
    ],
    environment: serverEnvironment,
    cwd: folder,
    ...user,
    url: `postgres://prodlike:${password}@127.0.0.1:${port}/postgres`,
  };
}

/**
 * The store described in `file`; `undefined` when none was made.
 *
 * @throws {UserError} when it is damaged, or another version of prodlike wrote it
 */
export function readStore(file: string): Promise<PostgresStore | undefined> {
  return readJson<PostgresStore>(
    file,
    ({ folder, port, password }) =>
      typeof folder === "string" && Number.isInteger(port) && typeof password === "string",
  );
}

/** Removes the store described in `file` with all its jobs. Its server must have ended. */
export async function removeStore(file: string): Promise<void> {
  const store = await readStore(file);
  if (store) await removeStoreFolder(store.folder);
  await rm(file, { force: true });
}

/** Whether the server of the store in `file` takes connections: it says so itself in line 8 of its `postmaster.pid`. */
export async function postgresIsReady(file: string, pid: number): Promise<boolean> {
  const store = await readStore(file);
  if (!store) return false;
  const lines = readOfServer(join(dataOf(store), "postmaster.pid")).split("\n");
  return lines[0] === String(pid) && lines[7]?.trim() === "ready";
}

/**
 * PostgreSQL takes any process with the pid of a server that was killed for that server: itself, until its parent has
 * taken note of its end, or a stranger that has got the pid since.
 */
async function clearPidFile(data: string, signal: AbortSignal): Promise<void> {
  const file = join(data, "postmaster.pid");
  const pid = Number(readOfServer(file).split("\n")[0]);
  if (!pid) return;
  if (identify(pid) && !commandLine(pid).includes(data)) return rm(file);
  const check = () => (identify(pid) === undefined && isInTable(pid) ? undefined : true);
  await waitFor(check, `the end of process ${pid}`, { timeoutMs: 5_000, signal }).catch(() => signal.throwIfAborted());
}

function isInTable(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** In files of its own folder: of a server that is killed, what is in /dev/shm would stay there. */
const SHARED_MEMORY = "dynamic_shared_memory_type=mmap";
const dataOf = (store: PostgresStore) => join(store.folder, "data");

async function describeStore(home: string, user: ServerUser): Promise<PostgresStore> {
  const folder = await makeStoreFolder(home, user);
  return { folder, port: await freePort(), password: randomBytes(24).toString("base64url") };
}

async function createData(store: PostgresStore, native: string, user: ServerUser, signal: AbortSignal): Promise<void> {
  const draft = `${dataOf(store)}.new`; // renamed when it is whole
  await makeServerFolder(draft, user);
  const passwordFile = join(store.folder, "password");
  await writeForServer(passwordFile, store.password, user);
  try {
    // The C locale, so that nothing depends on what the machine has; no sync, for there is nothing to lose yet.
    const options = ["--locale=C", "--encoding=UTF8", "--no-sync", "--no-instructions", "--auth=scram-sha-256"];
    const args = ["-D", draft, "--username=prodlike", `--pwfile=${passwordFile}`, "-c", SHARED_MEMORY, ...options];
    await run(join(native, "bin", "initdb"), args, signal, { env: serverEnvironment, cwd: store.folder, ...user });
    await rename(draft, dataOf(store));
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function run(file: string, args: string[], signal: AbortSignal, options: SpawnOptions): Promise<void> {
  signal.throwIfAborted();
  const child = spawn(file, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  // Not the `signal` option: that one gives up before the child has ended, which still writes then.
  const stop = () => child.kill();
  signal.addEventListener("abort", stop);
  const [code] = await once(child, "close").catch((cause) => {
    throw new UserError(`Cannot run "${file}": ${cause.message}`, { next: elsewhere, cause });
  });
  signal.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (code === 0) return;
  throw new UserError(`Cannot prepare PostgreSQL: initdb ended with ${code}: ${stderr.trim()}`, { next: elsewhere });
}
