import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { readSampleSettings } from "../app/settings.ts";
import { GUARD, guardedEnvironment } from "../git_guard.ts";
import type { Environment } from "../settings/environment.ts";
import { builtCommand, entryCommand } from "../settings/runtime.ts";
import type { Settings } from "../settings/settings.ts";
import { UserError } from "../terminal/user_error.ts";
import type { Application, Command, LoadRequests, Role, Service } from "./application.ts";

/** The sample, a pull-request code review, as an application. */
export function sampleApplication({ stack, services }: Pick<Settings, "stack" | "services">): Application {
  const { root, environment } = stack;
  const { reviewRoot } = readSampleSettings(environment, root);
  const { apiPort, workerConcurrency, healthUrl } = services;
  const start = (role: Role, variables: Environment): Command => ({
    ...entryCommand(join(root, "scripts", `${role}.ts`), stack.runtime),
    shown: `scripts/${role}.ts`,
    cwd: root,
    environment: { REVIEW_ROOT: reviewRoot, ...variables },
    takesAnyArgument: true,
  });
  const service = (role: Role, name: string, environment: Environment): Omit<Service, "start"> => {
    return { role, name, environment, ready: "message" };
  };
  const worker = start("worker", { WORKER_CONCURRENCY: String(workerConcurrency) });
  const origin = `http://127.0.0.1:${apiPort}`;
  return {
    name: "the sample",
    folder: root,
    store: { variable: "QUEUE_URL" },
    services: [
      {
        ...service("api", services.apiService, services.apiEnv),
        start: start("api", { API_PORT: String(apiPort) }),
        port: { setting: "API_PORT", number: apiPort },
      },
      {
        ...service("worker", services.workerService, services.workerEnv),
        start: worker,
        production: {
          build: { file: "npm", args: BUILD, shown: "npm run build:worker", cwd: root, environment: {} },
          start: {
            ...worker,
            ...builtCommand(join(root, "dist", "worker.js"), stack.runtime),
            shown: "dist/worker.js",
          },
        },
        concurrency: { variable: "WORKER_CONCURRENCY", value: workerConcurrency },
      },
    ],
    healthUrl: healthUrl ?? `${origin}/health`,
    request: { method: "POST", url: `${origin}/reviews`, body: "{}" },
    requests: () => reviewsOfLastCommits(`${origin}/reviews`, reviewRoot, environment),
    composeVariables: { REVIEW_ROOT: reviewRoot },
  };
}

const BUILD = ["run", "--silent", "build:worker", "--", "--log-level=warning"];
/** As many of the last commits are reviewed, one after the other. */
const COMMITS = 50;

/**
 * A review of each of the last commits of REVIEW_ROOT against its first parent.
 *
 * @throws {UserError} when REVIEW_ROOT is no repository, or has no commits
 */
async function reviewsOfLastCommits(url: string, folder: string, environment: Environment): Promise<LoadRequests> {
  const commits = await lastCommits(folder, environment);
  const requests = commits.map(([head, base]) => ({ method: "POST", url, body: JSON.stringify({ head, base }) }));
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
