// Loaded before every script by `node --import`: TypeScript by tsx, which must be installed, have files to open, and keep what
// it has translated where nobody else can put code. Plain JavaScript, since it comes first.
import { closeSync, lstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Files that a process opens at the most, with room to spare. */
const DESCRIPTORS = 256;

refuseFewDescriptors();
if (!process.env.TSX_DISABLE_CACHE && !cacheIsOurs()) {
  process.env.TSX_DISABLE_CACHE = "1"; // for its children too: it is said once
  process.stderr.write(
    `! not used: ${cacheFolder()}, where others may put code: each start takes half a second more\n`,
  );
}
try {
  await import("tsx/esm");
} catch (error) {
  if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  refuse("the package tsx is not installed", "npm ci --include=dev");
}

function refuseFewDescriptors() {
  const open = [];
  try {
    while (open.length < DESCRIPTORS) open.push(openSync("/dev/null", "r"));
  } catch (error) {
    if (error.code !== "EMFILE") return; // no /dev/null
    refuse(
      `too few file descriptors: ${open.length} are left, ${DESCRIPTORS} are wanted`,
      "ulimit -n 1024, then this command again",
    );
  } finally {
    for (const each of open) closeSync(each);
  }
}

/** tsx runs what it finds in this folder. Whoever makes it first owns it, and the temporary folder is everybody's. */
function cacheIsOurs() {
  const uid = process.geteuid();
  const folder = cacheFolder();
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch {
    // It is there, or cannot be made: the look tells.
  }
  try {
    const cache = lstatSync(folder);
    const isOurs = cache.isDirectory() && cache.uid === uid && (cache.mode & 0o022) === 0;
    const above = statSync(dirname(folder));
    // Others could put another folder in its place, unless the sticky bit keeps them from it.
    return (
      isOurs && (above.uid === uid || above.uid === 0) && ((above.mode & 0o022) === 0 || (above.mode & 0o1000) !== 0)
    );
  } catch {
    return false;
  }
}

function cacheFolder() {
  return join(tmpdir(), `tsx-${process.geteuid()}`);
}

function refuse(reason, next) {
  process.stderr.write(`error: Cannot run: ${reason}\nnext:  ${next}\n`);
  process.exit(2);
}
