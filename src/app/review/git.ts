import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable } from "node:stream";
import { execa } from "execa";
import { GUARD, guardedEnvironment } from "../../git_guard.ts";
import type { Environment } from "../../settings/environment.ts";
import { UserError } from "../../terminal/user_error.ts";

/** git at work in one folder. */
export interface Git {
  /** Exit code and output of one command, whatever the code is. */
  run(args: string[], input?: string): Promise<GitResult>;
  /**
   * Standard output of one command.
   *
   * @throws {UserError} when its exit code is not 0
   */
  text(args: string[], input?: string): Promise<string>;
  /** Hands standard output to `read` as it comes; the command ends when `read` returns. */
  stream<T>(args: string[], input: string, read: (output: Readable) => Promise<T>): Promise<T>;
}

export interface GitOptions {
  environment: Environment;
  /** Whether git may work in the folder even if another user owns it. */
  isTrusted: boolean;
}

/** What a command of git left: its output is UTF-8 text, without the final line feed. */
export interface GitResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A command that takes longer is killed, ms. */
const TIMEOUT_MS = 60_000;
/** More output than this is not kept, bytes. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * git in the folder `directory` (absolute, without symbolic links), which errors call `name`.
 * A repository is searched there and no higher, nothing in it is executed, and the network is never used.
 */
export function boundedGit(directory: string, name: string, { environment, isTrusted }: GitOptions): Git {
  const options = {
    cwd: directory,
    env: { ...guardedEnvironment(environment), GIT_CEILING_DIRECTORIES: dirname(directory) },
    extendEnv: false,
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
    reject: false,
  } as const;
  const trust = isTrusted ? ["-c", `safe.directory=${directory}`] : [];
  const command = (args: string[]) => ["--no-pager", ...GUARD, ...trust, ...args];

  async function run(args: string[], input = ""): Promise<GitResult> {
    const result = await execa("git", command(args), { ...options, input });
    const { exitCode, stdout, stderr } = result;
    if (exitCode === undefined || result.isMaxBuffer) throw failure(args, result);
    return { exitCode, stdout, stderr };
  }

  async function text(args: string[], input?: string): Promise<string> {
    const result = await run(args, input);
    if (result.exitCode !== 0) throw failure(args, { ...result, message: result.stderr });
    return result.stdout;
  }

  async function stream<T>(args: string[], input: string, read: (output: Readable) => Promise<T>): Promise<T> {
    const child = execa("git", command(args), { ...options, input, buffer: false, encoding: "buffer" });
    try {
      const value = await read(child.stdout);
      const result = await child;
      if (result.failed) throw failure(args, result);
      return value;
    } finally {
      child.kill();
    }
  }

  function failure(args: string[], result: Failure): UserError {
    // What git says may hold paths of this machine: it goes to the log, by the cause.
    const cause = new Error(result.stderr ? `${result.message}\n${Buffer.from(result.stderr)}` : result.message);
    const because = (reason: string) => new UserError(`Cannot review "${name}": ${reason}`, { cause });
    if (!existsSync(directory)) return because("the repository is gone");
    if (result.timedOut) return because(`git ${args[0]} took longer than ${TIMEOUT_MS / 1000} s`);
    if (result.isMaxBuffer) return because(`git ${args[0]} printed more than ${MAX_OUTPUT_BYTES / 1024 ** 2} MiB`);
    if (/promisor|unable to read/.test(cause.message)) return because("it lacks objects, as a partial clone does");
    if (result.code === "ENOENT") return because("git is not installed");
    return because(`git ${args[0]} failed with exit code ${result.exitCode ?? "unknown"}`);
  }

  return { run, text, stream };
}

interface Failure {
  message?: string | undefined;
  stderr?: string | Uint8Array | undefined;
  exitCode?: number | undefined;
  code?: string | undefined;
  timedOut?: boolean;
  isMaxBuffer?: boolean;
}
