import { UserError } from "../../terminal/user_error.ts";
import type { Repository } from "./repository.ts";

/** The two ends of a review, as object ids. */
export interface Revisions {
  /** What the changes are measured against: a commit (the merge base), or the empty tree. */
  base: string;
  head: string;
}

/** How far behind the head a review begins when no base is given, in commits of the first-parent line. */
const DEFAULT_DEPTH = 3;

/**
 * The ids of what a pull request of `head` into `base` changes.
 * Without `base` it is the last 3 commits of the first-parent line, or all there are, or the whole of a single commit.
 *
 * @throws {UserError} when a revision does not exist or the two have no common ancestor
 */
export async function resolveRevisions(repository: Repository, base?: string, head = "HEAD"): Promise<Revisions> {
  const headId = await commitId(repository, "head", head);
  if (base === undefined) return { base: await defaultBase(repository, headId), head: headId };
  const baseId = await commitId(repository, "base", base);
  const mergeBase = await repository.git.run(["merge-base", "--end-of-options", baseId, headId]);
  if (mergeBase.exitCode === 0) return { base: mergeBase.stdout, head: headId };
  throw new UserError(`Cannot compare base "${base}" with head "${head}": the two have no common ancestor`);
}

async function commitId({ git }: Repository, field: string, ref: string): Promise<string> {
  const verify = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
  // Two steps: in one, "HEAD:x" with "^{commit}" after it can be a path, and "@{1" a date.
  const named = await git.run([...verify, ref]);
  const commit = await git.run([...verify, `${named.stdout}^{commit}`]);
  if (commit.exitCode === 0) return commit.stdout;
  throw new UserError(`Cannot find ${field} "${ref}": there is no such commit in the repository`);
}

async function defaultBase({ git }: Repository, head: string): Promise<string> {
  const line = await git.text([
    "rev-list",
    "--first-parent",
    `--max-count=${DEFAULT_DEPTH + 1}`,
    "--end-of-options",
    head,
  ]);
  const oldest = line.split("\n").at(-1);
  if (oldest && oldest !== head) return oldest;
  // Computed, because its id depends on the hash function of the repository.
  return git.text(["hash-object", "-t", "tree", "--stdin"]);
}
