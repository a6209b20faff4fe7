import { Buffer } from "node:buffer";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { parseList, type StashList } from "../src/stash/list.ts";
import { readRecord } from "../src/stash/record.ts";
import { locked, openRepository, type Repository } from "../src/stash/repository.ts";
import { type Selection, selectChanges } from "../src/stash/select.ts";
import { resumeStash, setAside } from "../src/stash/stash.ts";
import { bringBack } from "../src/stash/unstash.ts";

/** All that a user could lose: files by path, entries of the index by path, what git says of them, and its stash. */
export interface Snapshot {
  files: Record<string, string>;
  index: Record<string, string>;
  status: string[];
  stash: string;
}

/** A repository that a test may do anything to. */
export interface TestRepository {
  folder: string;
  /** Of the calls to be tested; a test may change it. */
  environment: Record<string, string>;
  git(args: string[], input?: string): Promise<string>;
  write(path: string, content: string, mode?: number): void;
  /** Opens it, or a folder in it, as both commands do. */
  open(app?: string): Promise<Repository>;
  snapshot(): Promise<Snapshot>;
  /** Selects what is on the list. */
  select(list: string): Promise<Selection>;
  /** As `make stash YES=1` does. Returns the paths that are set aside. */
  stash(list: string | StashList): Promise<string[]>;
  /** As `make unstash` does; `false` when nothing is set aside. */
  unstash(): Promise<boolean>;
  close(): void;
}

export interface RepositoryOptions {
  /** Whether git knows a name. @default {true} */
  user?: boolean;
  /** Hash of its objects. @default {"sha1"} */
  objects?: "sha1" | "sha256";
  /** A working tree that is there already. */
  at?: string;
}

/** An empty repository, which no configuration of this machine reaches. */
export async function makeRepository({
  user = true,
  objects = "sha1",
  at,
}: RepositoryOptions = {}): Promise<TestRepository> {
  const folder = at ?? mkdtempSync(join(tmpdir(), "prodlike-stash-"));
  const environment = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "", // where Deno has its cache
    XDG_CONFIG_HOME: "/dev/null",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
  };
  const untouched = { ...environment };
  const git = async (args: string[], input = "") => {
    const options = { cwd: folder, env: untouched, extendEnv: false, stripFinalNewline: false, input } as const;
    return (await execa("git", args, options)).stdout;
  };
  if (!at) await git(["init", "--quiet", "--initial-branch=main", `--object-format=${objects}`]);
  const config = join(folder, ".git", "config");
  if (user && !at) writeFileSync(config, `${readFileSync(config)}[user]\n\tname = Test\n\temail = test@example.org\n`);
  const open = (app = "") => openRepository(join(folder, app), environment);
  const quiet = () => {};

  return {
    folder,
    environment,
    git,
    open,
    write(path, content, mode = 0o644) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
      chmodSync(join(folder, path), mode);
    },
    async snapshot() {
      // One after the other, and without locks: this must not touch what it looks at.
      const entries = await git(["ls-files", "--stage", "--debug", "-z"]);
      const flagged = entries.matchAll(/(\d+ \w+ \d)\t([^\0]+)\0[^\0]*?flags: (\w+)\n/g);
      // assume unchanged, intent to add, skip the working tree; other bits are of no meaning outside of git
      const bits = (flags: string) => (Number.parseInt(flags, 16) & 0x6000_8000).toString(16);
      const index = Object.fromEntries([...flagged].map(([, id, path, flags]) => [path!, `${id} ${bits(flags!)}`]));
      const status = ["--no-optional-locks", "status", "--porcelain=v2", "-z", "--ignored", "-uall", "--no-renames"];
      const lines = (await git(status)).split("\0").filter(Boolean).sort();
      const stash = await git(["rev-list", "--walk-reflogs", "--ignore-missing", "refs/stash"]);
      return { files: Object.fromEntries(filesIn(folder)), index, status: lines, stash };
    },
    async select(list) {
      return selectChanges(await open(), parseList(list));
    },
    async stash(list) {
      const repository = await open();
      return locked(repository, async () => {
        const resumed = await resumeStash(repository, quiet);
        if (resumed) return resumed.paths.map(({ path }) => path);
        const selection = await selectChanges(repository, typeof list === "string" ? parseList(list) : list);
        if (selection.changes.length) await setAside(repository, selection, new AbortController().signal);
        return selection.changes.map(({ path }) => path);
      });
    },
    async unstash() {
      const repository = await open();
      return locked(repository, async () => {
        const isThere = (await readRecord(repository)) !== undefined;
        if (isThere) await bringBack(repository, quiet);
        return isThere;
      });
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function* filesIn(top: string, folder = ""): Generator<[path: string, state: string]> {
  for (const name of readdirSync(join(top, folder))) {
    if (!folder && name === ".git") continue;
    const path = join(folder, name);
    const stat = lstatSync(join(top, path));
    const mode = (stat.mode & 0o7777).toString(8);
    if (stat.isDirectory()) {
      yield [path, `folder ${mode}`];
      yield* filesIn(top, path);
    } else if (stat.isSymbolicLink()) yield [path, `link ${readlinkSync(join(top, path))}`];
    else if (stat.isFile())
      yield [path, `file ${mode} ${Buffer.from(readFileSync(join(top, path))).toString("latin1")}`];
    else yield [path, `other ${mode}`];
  }
}
