import { posix } from "node:path";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { lookAt } from "./file_state.ts";
import type { StashList } from "./list.ts";
import { Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import { type Change, readStatus, type Status } from "./status.ts";
import { requireNoSubmodule } from "./submodules.ts";

/** What a list comes to. */
export interface Selection extends Status {
  /** What of the list is left out, and why. */
  skipped: { path: string; reason: string }[];
}

/**
 * The changes on a list.
 *
 * @throws {Refusal} when git or prodlike cannot hold one of them
 * @throws {UserError} when a path leads out of the application's folder
 */
export async function selectChanges(repository: Repository, list: StashList): Promise<Selection> {
  const both = [...list.plain, ...list.ignored];
  const status = await readStatus(repository, both);
  const { changes } = status;
  if (list.ignored.length) {
    const all = (await readStatus(repository, list.ignored, { ignored: true })).changes;
    changes.push(...all.filter(({ kind }) => kind === "ignored"));
  }
  const outside = changes.find(({ path }) => !path.startsWith(repository.prefix));
  if (outside) {
    throw new UserError(`Cannot set "${visible(outside.path)}" aside: it is outside of the application's folder`, {
      next: `make stash APP="${visible(repository.top)}"`,
    });
  }
  const skipped: Selection["skipped"] = [];
  for (const path of both) {
    const isIgnored = list.ignored.includes(path);
    const reason = await reasonToSkip(repository, path, { changes, isIgnored });
    if (reason) skipped.push({ path, reason });
  }
  return { ...status, skipped };
}

interface Found {
  changes: Change[];
  isIgnored: boolean;
}

async function reasonToSkip(repository: Repository, listed: string, { changes, isIgnored }: Found) {
  // Of git's magic, what leaves paths out; then what is no plain path: https://git-scm.com/docs/gitglossary, "pathspec"
  if (/^:[!^]|^:\([^)]*exclude/.test(listed)) return undefined;
  if (/^:|[*?[\\]/.test(listed)) {
    const found = await readStatus(repository, [listed], { ignored: isIgnored });
    return found.changes.length ? undefined : "matches nothing that has changed";
  }
  const path = posix.join(repository.prefix, listed).replace(/\/$/, "");
  if (path === "." || changes.some((each) => each.path === path || each.path.startsWith(`${path}/`))) return undefined;
  const stat = lookAt(posix.join(repository.top, path));
  if (!stat) return "does not exist";
  if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) {
    throw new Refusal(`Cannot set "${visible(path)}" aside: it is neither a file nor a link`);
  }
  requireNoSubmodule(repository, new Map(), [{ path }]);
  const isHidden = await repository.git.succeeds(["check-ignore", "--quiet", "--", path]);
  if (isHidden) return isIgnored ? "holds nothing" : `is ignored by git: list it as ignored:${visible(listed)}`;
  const tagged = await repository.git.text(["--literal-pathspecs", "ls-files", "-v", "-z", "--", path]);
  const isOverlooked = tagged.endsWith(` ${path}\0`) && !tagged.startsWith("H");
  return isOverlooked ? "is marked assume-unchanged or skip-worktree: git does not look at it" : "has not changed";
}
