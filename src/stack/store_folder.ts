import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { chown, lstat, mkdir, mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { UserError } from "../terminal/user_error.ts";

/** Whom the server runs as; empty for whoever runs this process. */
export interface ServerUser {
  uid?: number;
  gid?: number;
}

/** What is read of a file of the server's, in bytes. */
const READ_BYTES = 4_096;

/** PostgreSQL's programs see nothing else of our environment. */
export const serverEnvironment = { PATH: "/usr/bin:/bin", LC_ALL: "C" };

/**
 * Makes the folder of a store. It is ours, also when another user's server runs in it: whoever may change a folder can
 * lay links there, and root would write through them. That user has `data` in it, and may pass.
 */
export async function makeStoreFolder(home: string, { uid }: ServerUser): Promise<string> {
  if (uid !== undefined) return mkdtemp(join(tmpdir(), "prodlike-postgres-"));
  const folder = join(home, "postgres");
  await rm(folder, { recursive: true, force: true }); // data whose password nobody knows
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/**
 * Makes sure that the folder is as it is to be: earlier versions gave all of it to the server's user.
 *
 * @throws {UserError} when there is something else in its place, or it is a stranger's
 */
export function keepStoreFolder(folder: string, { uid }: ServerUser): void {
  if (uid === undefined) return;
  const refuse = (why: string, cause?: unknown) =>
    new UserError(`Cannot use the queue store "${folder}": ${why}`, { next: `ls -la "${folder}"`, cause });
  let handle: number;
  try {
    handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    throw refuse("it is no folder", cause);
  }
  try {
    const [self, owner] = [process.getuid?.() ?? 0, fstatSync(handle).uid];
    if (owner !== self && owner !== uid) throw refuse(`it belongs to user ${owner}`);
    fchownSync(handle, self, process.getgid?.() ?? 0);
    fchmodSync(handle, 0o711);
  } finally {
    closeSync(handle);
  }
  const data = lstatSync(join(folder, "data"), { throwIfNoEntry: false });
  if (data && !data.isDirectory()) throw refuse('its "data" is no folder');
}

/** Makes an empty folder for the server's user in a store. */
export async function makeServerFolder(path: string, { uid, gid }: ServerUser): Promise<void> {
  await removeServerFolder(path);
  await mkdir(path, { mode: 0o700 });
  if (uid !== undefined && gid !== undefined) await chown(path, uid, gid);
}

/** Writes a file that the server's user may read and nobody else; never into one that is there. */
export async function writeForServer(path: string, text: string, { uid, gid }: ServerUser): Promise<void> {
  await rm(path, { force: true });
  const handle = openSync(path, "wx", 0o600);
  try {
    if (uid !== undefined && gid !== undefined) fchownSync(handle, uid, gid);
    writeFileSync(handle, text);
  } finally {
    closeSync(handle);
  }
}

/** The beginning of a file that the server's user has written; empty when it is none. It may be a link or a pipe. */
export function readOfServer(path: string): string {
  let handle: number;
  try {
    handle = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return "";
  }
  try {
    if (!fstatSync(handle).isFile()) return "";
    const bytes = Buffer.alloc(READ_BYTES);
    return bytes.toString("utf8", 0, readSync(handle, bytes, 0, READ_BYTES, 0));
  } finally {
    closeSync(handle);
  }
}

/** Removes a store with all its jobs. */
export async function removeStoreFolder(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) await removeServerFolder(join(folder, name));
  await rm(folder, { recursive: true, force: true });
}

/** Removes a folder in a store, as its owner when that is another user, who could lay links into the way of root. */
export async function removeServerFolder(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isDirectory() || found.uid === process.getuid?.()) return rm(path, { recursive: true, force: true });
  const { uid, gid } = found;
  // What is in it: the folder itself is in ours.
  await execa("rm", ["-rf", "--", path], {
    uid,
    gid,
    cwd: "/",
    env: serverEnvironment,
    extendEnv: false,
    reject: false,
  });
  await rmdir(path);
}
