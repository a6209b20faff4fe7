import { existsSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { execa } from "execa";
import { serviceNames } from "../../application/application.ts";
import type { Origin } from "../../otlp/read_points.ts";
import type { Environment } from "../../settings/environment.ts";
import { UserError } from "../../terminal/user_error.ts";
import { lastLineOf } from "../part.ts";
import type { PartExit } from "../state.ts";
import type { Wanted } from "../wanted.ts";

/** One container of the compose project. */
export interface Container {
  id: string;
  service: string;
  /** As the engine names it: "created", "running", "paused", "restarting", "exited", "dead". */
  state: string;
  /** "starting", "healthy", "unhealthy"; `undefined` without a health check. */
  health: string | undefined;
  exit: PartExit;
  /** Whether the kernel has killed a process of it for want of memory. */
  isOomKilled: boolean;
  environment: Environment;
  labels: Record<string, string>;
  /** 0: not limited. */
  cpus: number;
  /** 0: not limited. */
  memoryBytes: number;
  mounts: { target: string; type: string; source: string }[];
}

/** compose and the engine below it, for one project. */
export interface ComposeCli {
  /** Runs a subcommand; what it prints goes to stderr as it comes. Returns its exit code. */
  show(args: string[], signal?: AbortSignal): Promise<number>;
  /**
   * Runs a subcommand and returns what it prints.
   *
   * @throws {UserError} when its exit code is not 0, with the last line of its stderr
   */
  text(args: string[], signal?: AbortSignal): Promise<string>;
  /** Runs a subcommand whose output is what a person asked for, on stdout, until it ends or the signal comes. */
  follow(args: string[], signal: AbortSignal): Promise<void>;
  /** As `text`, for the engine's own command. */
  engine(args: string[]): Promise<string>;
  /** All containers of the project, also those that have ended. */
  containers(): Promise<Container[]>;
}

/** `files` are relative to `wanted.root`; `environment` is what their variables are taken from. */
export function composeCli(wanted: Wanted, files: string[], environment: Environment): ComposeCli {
  const [program, ...first] = wanted.compose as [string, ...string[]];
  const options = ["--project-directory", "."];
  if (existsSync(join(wanted.root, ".env"))) options.push("--env-file", ".env");
  if (wanted.profiling) options.push("--profile", "profiling");
  const command = [...first, ...options, ...files.flatMap((file) => ["-f", file])];
  const engine = engineOf(wanted);
  const execution = { cwd: wanted.root, env: environment, extendEnv: false, reject: false } as const;

  async function run(file: string, args: string[], signal?: AbortSignal) {
    const options = { ...execution, stdin: "ignore", ...(signal ? { cancelSignal: signal } : {}) } as const;
    const { exitCode, stdout, stderr, originalMessage } = await execa(file, args, options);
    signal?.throwIfAborted();
    if (exitCode === undefined) throw cannotRun(`${file}: ${originalMessage}`);
    return { exitCode, stdout, stderr };
  }
  async function text(file: string, args: string[], signal?: AbortSignal): Promise<string> {
    const { exitCode, stdout, stderr } = await run(file, args, signal);
    if (exitCode !== 0) throw cannotRun(lastLineOf(stderr) || `${basename(file)} ended with exit code ${exitCode}`);
    return stripVTControlCharacters(stdout); // `logs` of 2.26 begins with one even when nobody looks
  }

  const cli: ComposeCli = {
    async show(args, signal) {
      // Its output has a terminal's progress when stderr is one.
      const output = { stdin: "ignore", stdout: 2, stderr: 2, ...(signal ? { cancelSignal: signal } : {}) } as const;
      const { exitCode, originalMessage, isCanceled } = await execa(program, [...command, ...args], {
        ...execution,
        ...output,
        detached: true, // a Ctrl-C in the terminal goes to the command that was typed, which tells compose
        forceKillAfterDelay: 60_000, // it has to stop what it is starting
      });
      signal?.throwIfAborted();
      if (exitCode === undefined && !isCanceled) throw cannotRun(`${program}: ${originalMessage}`);
      return exitCode ?? 1;
    },
    text: (args, signal) => text(program, [...command, ...args], signal),
    async follow(args, signal) {
      const output = { stdin: "ignore", stdout: "inherit", stderr: "inherit", cancelSignal: signal } as const;
      await execa(program, [...command, ...args], { ...execution, ...output });
    },
    engine: (args) => text(engine, args),
    async containers() {
      const ids = (await cli.text(["ps", "--all", "--quiet"])).split("\n").filter(Boolean);
      if (ids.length === 0) return [];
      const args = ["inspect", "--type", "container", ...ids];
      // One that was removed meanwhile is only missing.
      const { exitCode, stdout, stderr } = await run(engine, args);
      if (exitCode !== 0 && !/no such/i.test(stderr)) throw cannotRun(lastLineOf(stderr) ?? "");
      return (JSON.parse(stdout) as Inspected[]).map(describe);
    },
  };
  return cli;
}

/** Whether an engine answers, at once. */
export async function composeAnswers(wanted: Wanted): Promise<boolean> {
  const { exitCode } = await execa(engineOf(wanted), ["version"], { timeout: 500, reject: false, stdio: "ignore" });
  return exitCode === 0;
}

/** What the worker of a container sends its telemetry as: its host name is the container's, unless compose is told another. */
export function originOf({ application }: Wanted, { id }: Pick<Container, "id">): Origin {
  return { service: serviceNames(application).worker, resource: { "host.name": id.slice(0, 12) } };
}

/** docker-compose and podman-compose belong to docker and podman. */
function engineOf({ compose: [program] }: Wanted): string {
  return program!.replace(/-compose$/, "");
}

/** What is used of `docker inspect`. @see https://docs.docker.com/reference/api/engine/ ContainerInspect */
interface Inspected {
  Id: string;
  State: { Status: string; ExitCode: number; OOMKilled: boolean; FinishedAt: string; Health?: { Status: string } };
  Config: { Env: string[] | null; Labels: Record<string, string> };
  HostConfig: { NanoCpus: number; Memory: number };
  Mounts: { Type: string; Source: string; Destination: string; Name?: string }[];
}

function describe({ Id, State, Config, HostConfig, Mounts }: Inspected): Container {
  const health = State.Health?.Status;
  return {
    id: Id,
    service: Config.Labels["com.docker.compose.service"] ?? "",
    state: State.Status,
    health: health === "none" ? undefined : health,
    exit: exitOf(State.ExitCode, State.FinishedAt),
    isOomKilled: State.OOMKilled,
    environment: Object.fromEntries((Config.Env ?? []).map((pair) => splitOnce(pair, "="))),
    labels: Config.Labels,
    cpus: HostConfig.NanoCpus / 1e9,
    memoryBytes: HostConfig.Memory,
    mounts: Mounts.map(({ Type, Source, Destination }) => ({ type: Type, source: Source, target: Destination })),
  };
}

/** A container tells signals as a shell does: 128 and the signal's number. */
function exitOf(code: number, at: string): PartExit {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return signal ? { code: null, signal, at } : { code, signal: null, at };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return [text.slice(0, at), text.slice(at + 1)];
}

function cannotRun(reason: string): UserError {
  return new UserError(`Cannot use STACK="compose": ${reason}`, { next: "start Docker, or use STACK=local" });
}
