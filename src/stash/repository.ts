import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "../processes/lock.ts";
import type { Environment } from "../settings/environment.ts";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { type Git, GitError, gitIn } from "./git.ts";
import { Refusal } from "./refusal.ts";

/** The git repository that an application is in. */
export interface Repository {
  /** git in its top folder. */
  git: Git;
  /** git in the folder of the application. */
  appGit: Git;
  /** Absolute path of its top folder. */
  top: string;
  /** The application's folder in it, as `apps/api/`; empty when it is the top. */
  prefix: string;
  /** Absolute path of the git directory of this working tree. */
  gitFolder: string;
  /** `prodlike` in it: the record, the lock, and what is removed at the end. */
  ours: string;
  /** Hash of its objects: `sha1` or `sha256`. */
  algorithm: string;
}

/** Author and committer when git knows no name. */
const NOBODY = { NAME: "prodlike", EMAIL: "prodlike@localhost" };

/**
 * Opens the repository around the folder `app` (absolute path).
 *
 * @throws {UserError} when there is none, or it has no working tree
 */
export async function openRepository(app: string, environment: Environment): Promise<Repository> {
  if (!statSync(app, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UserError(`Cannot use APP="${visible(app)}": there is no such folder`, {
      next: "APP=<folder of an application>",
    });
  }
  const facts = ["--show-toplevel", "--absolute-git-dir", "--show-object-format", "--show-prefix"];
  const lines = (
    await gitIn(app, environment)
      .text(["rev-parse", ...facts])
      .catch(notARepository)
  ).split("\n");
  const [top, gitFolder, algorithm, prefix] = lines;
  if (!top || !gitFolder || !algorithm || prefix === undefined || lines.length !== 5) {
    throw new UserError(`Cannot use APP="${visible(app)}": the name of its folder has a line feed`);
  }
  const plain = gitIn(top, environment);
  const more = { ...(await identityFor(plain)), ...(await withoutHooks(plain, environment)) };
  const [git, appGit] = [gitIn(top, environment, more), gitIn(app, environment, more)];
  return { git, appGit, top, prefix, gitFolder, ours: join(gitFolder, "prodlike"), algorithm };
}

/**
 * Runs `work` while no other `make stash` or `make unstash` works in this working tree.
 *
 * @throws {UserError} when one does, or another git holds the index
 * @throws {Refusal} when a merge or the like is under way
 */
export async function locked<T>({ gitFolder, ours }: Repository, work: () => Promise<T>): Promise<T> {
  const underWay: [file: string, what: string][] = [
    ["MERGE_HEAD", "merge"],
    ["CHERRY_PICK_HEAD", "cherry-pick"],
    ["REVERT_HEAD", "revert"],
    ["rebase-merge", "rebase"],
    ["rebase-apply", "rebase or am"],
    ["sequencer", "cherry-pick or revert"],
  ];
  const [, what] = underWay.find(([file]) => existsSync(join(gitFolder, file))) ?? [];
  if (what) throw new Refusal(`Cannot move changes: a ${what} is under way`, { next: "git status, and finish it" });
  const indexLock = join(gitFolder, "index.lock");
  if (existsSync(indexLock)) {
    const next = `wait for it; when no git runs any more: rm "${visible(indexLock)}"`;
    throw new UserError(`Cannot move changes: another git holds "${visible(indexLock)}"`, { next });
  }
  mkdirSync(ours, { recursive: true, mode: 0o700 });
  const lock = join(ours, "stash.lock");
  if (!takeLock(lock)) {
    throw new UserError("Cannot move changes: another make stash or make unstash is at work here", {
      next: "wait for it",
    });
  }
  const temporary = temporaryFolder(ours);
  try {
    rmSync(temporary, { recursive: true, force: true }); // of one that was killed
    mkdirSync(temporary, { mode: 0o700 });
    return await work();
  } finally {
    rmSync(temporary, { recursive: true, force: true });
    rmSync(lock, { force: true });
  }
}

/** Where private indexes and trees are built; empty at the beginning of {@link locked}. */
export function temporaryFolder(ours: string): string {
  return join(ours, "temporary");
}

function notARepository(error: unknown): never {
  if (!(error instanceof GitError)) throw error;
  const next = "git init, or APP=<folder in a repository>";
  throw new UserError(`${error.message.replace(/^Cannot run "git rev-parse" in/, "Cannot stash in")}`, { next });
}

async function identityFor(git: Git): Promise<Environment> {
  const isKnown =
    (await git.succeeds(["var", "GIT_AUTHOR_IDENT"])) && (await git.succeeds(["var", "GIT_COMMITTER_IDENT"]));
  if (isKnown) return {};
  const roles = ["AUTHOR", "COMMITTER"].flatMap((role) =>
    Object.entries(NOBODY).map(([part, value]) => [`GIT_${role}_${part}`, value]),
  );
  return Object.fromEntries(roles);
}

/** git 2.54 and newer run hooks of the configuration too, and switch them off by name: https://git-scm.com/docs/git-hook */
async function withoutHooks(git: Git, environment: Environment): Promise<Environment> {
  const settings = (await git.text(["config", "--list", "--null", "--name-only"])).split("\0");
  const hooks = new Set(settings.flatMap((setting) => /^hook\.(.+)\.\w+$/.exec(setting)?.[1] ?? []));
  const first = Number(environment.GIT_CONFIG_COUNT || 0);
  const switches = [...hooks].flatMap((name, index) => [
    [`GIT_CONFIG_KEY_${first + index}`, `hook.${name}.enabled`],
    [`GIT_CONFIG_VALUE_${first + index}`, "false"],
  ]);
  return { ...Object.fromEntries(switches), GIT_CONFIG_COUNT: String(first + hooks.size) };
}
