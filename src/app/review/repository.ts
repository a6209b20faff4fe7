import { access, constants, realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import type { Environment } from "../../settings/environment.ts";
import { UserError } from "../../terminal/user_error.ts";
import type { SampleSettings } from "../settings.ts";
import { boundedGit, type Git } from "./git.ts";

/** The folder that bounds what may be reviewed. */
export interface ReviewRoot {
  /** Absolute, without symbolic links. */
  path: string;
  /** Whether git may trust every repository in it, whoever owns it. */
  isTrusted: boolean;
  environment: Environment;
}

/** A git repository, bare or not, in the review root. */
export interface Repository {
  /** Relative to the review root; `.` is the root itself. */
  name: string;
  git: Git;
}

/**
 * The review root of the settings.
 *
 * @throws {UserError} when it is not a folder that may be read
 */
export async function openReviewRoot({
  reviewRoot,
  reviewRootTrusted,
  environment,
}: SampleSettings): Promise<ReviewRoot> {
  const path = await realFolder(reviewRoot);
  if (path) {
    await access(path, constants.R_OK | constants.X_OK).catch((cause) => {
      throw new UserError(`Cannot use REVIEW_ROOT="${reviewRoot}": user ${process.getuid?.()} may not read it`, {
        cause,
      });
    });
    return { path, isTrusted: reviewRootTrusted, environment };
  }
  throw new UserError(`Cannot use REVIEW_ROOT="${reviewRoot}": no such folder, an existing one is wanted`);
}

/**
 * The repository at `path`, which is absolute or relative to the review root.
 *
 * @throws {UserError} when it is missing, outside of the root, or not the top of a repository that git trusts
 */
export async function openRepository(root: ReviewRoot, path: string): Promise<Repository> {
  const refused = (reason: string) => new UserError(`Cannot review "${path}": ${reason}`);
  const wanted = resolve(root.path, path);
  const directory = await realFolder(wanted);
  // The same answer for all that is outside, whether it exists or not.
  if (!isWithin(root.path, directory ?? wanted)) throw refused("it is outside of REVIEW_ROOT");
  if (!directory) throw refused("no such folder in REVIEW_ROOT");
  const name = relative(root.path, directory) || ".";
  const git = boundedGit(directory, name, root);
  const { exitCode, stderr } = await git.run(["rev-parse", "--git-dir"]);
  if (exitCode === 0) return { name, git };
  if (stderr.includes("dubious ownership")) {
    throw refused(
      "git does not trust it because another user owns it; allow it with: git config --global --add safe.directory <its absolute path>",
    );
  }
  if (stderr.includes("safe.bareRepository"))
    throw refused("safe.bareRepository keeps git from using a bare repository");
  throw refused("it is not the top folder of a git repository");
}

async function realFolder(path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path);
    return (await stat(real)).isDirectory() ? real : undefined;
  } catch {
    return undefined;
  }
}

function isWithin(root: string, path: string): boolean {
  const steps = relative(root, path);
  return steps !== ".." && !steps.startsWith(`..${sep}`) && !isAbsolute(steps);
}
