import { Buffer } from "node:buffer";
import { closeSync, existsSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { GUARD, guardedEnvironment } from "../git_guard.ts";
import type { Environment } from "../settings/environment.ts";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";

/** What one command of git is given besides its arguments. */
export interface GitOptions {
  input?: string | Readable;
  /** A file to read instead: git reads all of it even when this process is killed. */
  inputFile?: string;
  /** Variables of this command alone, such as `GIT_INDEX_FILE`. */
  env?: Environment;
}

/** git at work in one folder. All three throw {@link GitError} when it fails; `succeeds` only when it cannot start. */
export interface Git {
  folder: string;
  text(args: string[], options?: GitOptions): Promise<string>;
  bytes(args: string[], options?: GitOptions): Promise<Buffer>;
  succeeds(args: string[], options?: GitOptions): Promise<boolean>;
}

/** A command of git that failed, with the last words it said. */
export class GitError extends UserError {
  override name = "GitError";
}

/** More output than this is an error, bytes. */
const MAX_OUTPUT_BYTES = 2 ** 31 - 1;

/** These override the user's configuration: what is set aside has to be on the disk, and read from it, as it is. */
const OPTIONS = [
  "core.fsync=all",
  "core.fsyncMethod=batch",
  "core.ignoreStat=false",
  // A file whose line ends cannot be converted back is no reason to fail: its own bytes are kept too.
  "core.safecrlf=false",
  // A folder that looks like a repository can lie in a commit: https://git-scm.com/docs/git-config, "safe.bareRepository"
  "safe.bareRepository=explicit",
].flatMap((option) => ["-c", option]);

/** git in `folder`, an absolute path; `more` holds variables for all its commands. No hook runs, and nothing is fetched. */
export function gitIn(folder: string, environment: Environment, more: Environment = {}): Git {
  const base = { ...guardedEnvironment(environment), GIT_NO_REPLACE_OBJECTS: "1", ...more };

  async function run(args: string[], { input = "", inputFile, env = {} }: GitOptions = {}) {
    const file = inputFile === undefined ? undefined : openSync(inputFile, "r");
    const result = await execa("git", [...GUARD, ...OPTIONS, ...args], {
      cwd: folder,
      env: { ...base, ...env },
      extendEnv: false,
      encoding: "buffer",
      maxBuffer: MAX_OUTPUT_BYTES,
      stripFinalNewline: false,
      reject: false,
      // execa takes any descriptor, its types know few.
      ...(file === undefined ? { input } : { stdin: file as 0 }),
    });
    if (file !== undefined) closeSync(file);
    return { ...result, command: args.find((each) => !each.startsWith("-")) };
  }

  async function bytes(args: string[], options?: GitOptions): Promise<Buffer> {
    const result = await run(args, options);
    if (result.failed) throw failure(folder, result);
    return Buffer.from(result.stdout.buffer, result.stdout.byteOffset, result.stdout.byteLength);
  }

  return {
    folder,
    bytes,
    text: async (args, options) => (await bytes(args, options)).toString("utf8"),
    async succeeds(args, options) {
      const result = await run(args, options);
      if (result.exitCode === undefined) throw failure(folder, result);
      return result.exitCode === 0;
    },
  };
}

interface Failure {
  command: string | undefined;
  message?: string | undefined;
  stderr?: Uint8Array | undefined;
  code?: string | undefined;
}

function failure(folder: string, { command, message = "", stderr, code }: Failure): GitError {
  const shown = visible(folder);
  if (!existsSync(folder)) return new GitError(`Cannot work in "${shown}": there is no such folder`);
  if (code === "ENOENT") return new GitError("Cannot find git: it has to be installed (https://git-scm.com)");
  const text = Buffer.from(stderr ?? []).toString("utf8");
  // One line, also when a filter wrote it, or a name in it has line feeds.
  const said = (text.trim() || message).split(/\s*\n/).map(visible).join("; ");
  if (/transport '.*' not allowed|promisor remote/.test(said)) return lacking(shown, `git ${command}`, said);
  return new GitError(`Cannot run "git ${command}" in "${shown}": ${said}`);
}

/** git wanted to fetch something that a partial clone lacks. */
function lacking(folder: string, command: string, said: string): GitError {
  // "unable to read sha1 file of a.ts (<id>)", "could not fetch <id> from promisor remote"; or not a word, when it ends by SIGPIPE
  const [id] = /\b[0-9a-f]{40,}\b/.exec(said) ?? [];
  const next = id ? `cat-file -e ${id}` : "rev-list --objects --no-walk --missing=print HEAD";
  const state = `${id ? `object ${id}` : "an object"} is missing here, and nothing is fetched for a partial clone`;
  return new GitError(`Cannot run "${command}" in "${folder}": ${state}`, { next: `git -C "${folder}" ${next}` });
}
