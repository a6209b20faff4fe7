import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { GUARD, guardedEnvironment } from "../git_guard.ts";
import type { Config } from "../settings/config.ts";
import type { Environment } from "../settings/environment.ts";
import type { JobRequest } from "../settings/job_requests.ts";
import { shownUrl } from "../terminal/shown_values.mjs";
import { UserError } from "../terminal/user_error.ts";

/** As many of the last commits are reviewed, one after the other. */
const COMMITS = 50;

/** What a load sends, and what it is, for people. */
export interface LoadRequests {
  requests: JobRequest[];
  what: string;
}

/**
 * The requests that the user gives; else a review of each of the last commits of REVIEW_ROOT against its first parent.
 *
 * @throws {UserError} when REVIEW_ROOT is no repository, or has no commits
 */
export async function loadRequests({
  jobRequests,
  jobRequest,
  reviewRoot,
  environment,
}: Config): Promise<LoadRequests> {
  if (jobRequests.length === 1)
    return { requests: jobRequests, what: `${jobRequest.method} ${shownUrl(jobRequest.url)}` };
  if (jobRequests.length > 1) return { requests: jobRequests, what: `${jobRequests.length} requests of JOB_REQUEST` };
  const commits = await lastCommits(reviewRoot, environment);
  const requests = commits.map(([head, base]) => ({ ...jobRequest, body: JSON.stringify({ head, base }) }));
  const s = commits.length === 1 ? "" : "s";
  return { requests, what: `reviews of the last ${commits.length} commit${s}, each against its first parent` };
}

/** Ids of commits with those of their parents, the newest first. */
async function lastCommits(folder: string, environment: Environment): Promise<string[][]> {
  // Where a shallow clone begins, commits have no parents.
  const args = [...GUARD, "-C", folder, "rev-list", "--parents", `--max-count=${COMMITS}`, "HEAD"];
  try {
    const { stdout } = await promisify(execFile)("git", args, { env: guardedEnvironment(environment) });
    return stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" "));
  } catch (cause) {
    const reason = String((cause as { stderr?: string }).stderr ?? (cause as Error).message);
    throw new UserError(`Cannot find commits to review in REVIEW_ROOT="${folder}": ${reason.split("\n")[0]}`, {
      next: "set REVIEW_ROOT to a git repository, or JOB_REQUEST",
      cause,
    });
  }
}
