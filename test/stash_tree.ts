import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { entriesIn } from "../src/stash/obstacles.ts";
import type { TestRepository } from "./stash_repository.ts";

/** Numbers that one seed determines. */
export interface Random {
  /** A whole number from 0, less than `below`. */
  int(below: number): number;
  chance(share: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32, public domain: 32 bits of state are enough for test cases. */
export function randomOf(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number) => Math.floor(next() * below);
  return { int, chance: (share) => next() < share, pick: (from) => from[int(from.length)]! };
}

const FOLDERS = ["", "src", "src/deep/er", "with space", "-dash", "ünï/ö", 'quo"te', "li\nne", "glob[1]*", "tests__"];
const NAMES = [
  "a.txt",
  "b.txt",
  "c d.txt",
  "-e.txt",
  "ü.txt",
  "quo\"te'.txt",
  "li\nne.txt",
  "back\\slash",
  "[gl]ob*?.txt",
  "tab\t.txt",
  "x.crlf",
  "y.crlf",
  "z.auto",
  "raw.bin",
  ":colon",
  "#hash",
  "end ",
];
const ATTRIBUTES = ["*.crlf text eol=crlf\n*.auto text=auto\n*.bin -text\n", "*.crlf text eol=lf\n*.bin binary\n", ""];
const CONTENTS = [
  "",
  "one\n",
  "one\ntwo\n",
  "one\r\ntwo\r\n",
  "mixed\r\nends\n",
  "no end",
  "\0\x01\xff\r\n",
  "long\n".repeat(3_000),
];
const IGNORED = ["x.ign", "src/y.ign", "ignored folder/z", "li\nne/w.ign", "ignored folder/deep/v"];

/** Makes a commit and then changes of all kinds: staged, not staged, both, and what git does not track. */
export async function growTree(repository: TestRepository, random: Random): Promise<void> {
  const { git, folder } = repository;
  repository.write(".gitignore", "*.ign\n/ignored folder/\n");
  repository.write(".gitattributes", random.pick(ATTRIBUTES));
  for (let count = 3 + random.int(10); count > 0; count--) put(repository, random);
  await git(["add", "--all", "--force"]);
  await git(["commit", "--quiet", "--message=one"]);
  change(repository, random, random.int(6));
  if (random.chance(0.8)) await git(["add", "--all"]);
  change(repository, random, 1 + random.int(6));
  for (const path of IGNORED) if (random.chance(0.3)) put(repository, random, path);
  // What says which files are ignored and how they are converted stays: it changes what git says of all others.
  const mayGo = (path: string) => path && !path.startsWith(".git") && random.chance(0.08);
  const present = filesIn(folder);
  const cached = (await git(["ls-files", "-z"])).split("\0").filter(mayGo);
  if (cached.length) await git(["update-index", "--force-remove", "-z", "--stdin"], cached.join("\0"));
  // Else git trusts the size that it saw last, and calls a file modified whose content, converted, is not.
  await git(["update-index", "-z", "--index-info"], await git(["ls-files", "--stage", "-z"]));
  const intended = (await git(["ls-files", "--others", "-z"]))
    .split("\0")
    .filter((path) => path && random.chance(0.25));
  if (intended.length) {
    const add = ["--literal-pathspecs", "add", "--intent-to-add", "--force", "--pathspec-from-file=-"];
    await git([...add, "--pathspec-file-nul"], intended.join("\0"));
  }
  for (const path of present.filter(mayGo)) rmSync(join(folder, path), { force: true });
}

/** A list for a tree: some paths by name, by folder, by pattern, or all of them. */
export async function chooseList({ git }: TestRepository, random: Random): Promise<string> {
  const lines = ["# a list", "is not there"];
  if (random.chance(0.3)) lines.push(".");
  const status = await git(["status", "--porcelain", "-z", "-uall", "--no-renames"]);
  for (const path of status.split("\0").map((line) => line.slice(3))) {
    if (random.chance(0.6)) lines.push(random.chance(0.2) ? dirname(path) : random.chance(0.2) ? `./${path}` : path);
  }
  if (random.chance(0.2)) lines.push(random.pick(["*.txt", ":(glob)**/*.crlf", ":(icase)SRC", "*", ":!src"]));
  if (random.chance(0.6))
    lines.push(random.pick(["ignored:.", "ignored:*.ign", "ignored: ignored folder", "ignored:src"]));
  // A name with a line feed cannot stand in a list: its folder or a pattern can. A name with a sign is quoted by git's magic.
  const listed = lines.filter((line) => !line.includes("\n") && line.trim() === line);
  return listed.map((line) => (/^[:#]c|^[-[\\]|[*?]\./.test(line) ? `:(literal)${line}` : line)).join("\n");
}

function change(repository: TestRepository, random: Random, count: number): void {
  const { folder } = repository;
  for (let done = 0; done < count; done++) {
    const path = random.pick(filesIn(folder));
    const full = join(folder, path);
    if (path.startsWith(".git")) continue;
    const kind = random.int(9);
    if (kind < 3) put(repository, random);
    else if (kind === 3) rmSync(full);
    else if (kind === 4 && lstatSync(full).isFile()) repository.write(path, random.pick(CONTENTS), mode(random));
    else if (kind === 5 && !existsSync(`${full}.moved`)) renameSync(full, `${full}.moved`);
    else if (kind === 6) {
      rmSync(full);
      symlinkSync(random.pick(["nowhere", "src", "../..", "ü ö"]), full);
    } else if (kind === 7) {
      rmSync(full);
      repository.write(`${path}/inside`, random.pick(CONTENTS), mode(random));
    } else if (kind === 8 && dirname(path) !== ".") {
      rmSync(dirname(full), { recursive: true });
      if (random.chance(0.5)) repository.write(dirname(path), "a file now\n");
      else symlinkSync("elsewhere", dirname(full));
    }
  }
}

function put(repository: TestRepository, random: Random, path = join(random.pick(FOLDERS), random.pick(NAMES))): void {
  const parts = path.split("/");
  const folders = parts.slice(0, -1).map((_, index) => join(repository.folder, ...parts.slice(0, index + 1)));
  const blocked = folders.some((each) => lstatSync(each, { throwIfNoEntry: false })?.isDirectory() === false);
  const full = join(repository.folder, path);
  if (blocked || lstatSync(full, { throwIfNoEntry: false })) return;
  mkdirSync(dirname(full), { recursive: true, mode: random.pick([0o755, 0o700]) });
  if (random.chance(0.15)) symlinkSync(random.pick(["a.txt", "nowhere", "li\nne"]), full);
  else repository.write(path, random.pick(CONTENTS), mode(random));
}

function mode(random: Random): number {
  return random.pick([0o644, 0o644, 0o755, 0o600, 0o640, 0o4755]);
}

function filesIn(folder: string): string[] {
  const paths = entriesIn(folder).filter((entry) => !entry.isDirectory());
  const names = paths.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  return names.filter((path) => !path.startsWith(".git/")).sort();
}
