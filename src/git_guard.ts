import type { Environment } from "./settings/environment.ts";

/**
 * Options of git in a repository of somebody else, whose configuration may name programs. What stands on the command line wins
 * over all files, also those that are included, and reaches the commands that git itself starts.
 */
export const GUARD = ["core.fsmonitor=false", "core.hooksPath=/dev/null"].flatMap((option) => ["-c", option]);

/** The caller's environment for git in such a repository: what points git elsewhere is left out, and nothing is fetched. */
export function guardedEnvironment(environment: Environment): Environment {
  // The caller's own configuration stays: `safe.directory` is only believed there.
  const kept = /^GIT_(CONFIG_(?!PARAMETERS)|EXEC_PATH$|(AUTHOR|COMMITTER)_(NAME|EMAIL)$)/;
  return {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith("GIT_") || kept.test(name))),
    LC_ALL: "C",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    // A partial clone fetches what it lacks by a command of its own configuration; `protocol.ext.allow` there wins over
    // `-c protocol.allow=never`, and nothing over this. GIT_NO_LAZY_FETCH is of git 2.45.
    GIT_ALLOW_PROTOCOL: "none",
  };
}
