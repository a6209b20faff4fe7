import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { UserError } from "../terminal/user_error.ts";
import { httpUrl, type JobRequest, parseJobRequests } from "./job_requests.ts";
import { type LoadSettings, parseLoad } from "./load.ts";
import { parseBytes, parseCpus } from "./quantities.ts";
import type { Runtime } from "./runtime.ts";
import { ARGUMENTS, CONTAINER_SETTINGS, SETTINGS } from "./table.ts";

/** Variables by name, as a process has them. */
export type Environment = Record<string, string>;

/** The production limits of the worker, as they are asked for. */
export interface Limits {
  cpus: number;
  memoryBytes: number;
  oldSpaceMb: number;
  semiSpaceMb: number;
  /** Its environment in production. */
  environment: Environment;
}

/** Every setting, checked, with its effective value. */
export interface Config {
  /** The checkout: absolute path of the folder that holds `package.json`. */
  root: string;
  /** `.prodlike` in it: all that prodlike writes. */
  home: string;
  stack: "local" | "compose";
  runtime: Runtime;
  json: boolean;
  onlyCollector: boolean;
  part: string;
  load: LoadSettings;
  /** Whether the worker under load runs under its limits. */
  limited: boolean;
  /** A recorded run: its id or folder, or `latest`. */
  run: string | undefined;
  /** The concurrencies of a sweep. */
  ladder: number[];
  /** A recorded run to compare that one with. */
  against: string | undefined;
  /** The two runs of `compare`. */
  compared: { a: string | undefined; b: string | undefined };
  /** What a job of the run may take at the most, ms. */
  maximum: { p95Ms: number | undefined; cpuMs: number | undefined };
  /** Another application: absolute path of its folder, or of a file of it. */
  app: string | undefined;
  /** Paths to set aside, one a line or separated by spaces. */
  stashPaths: string | undefined;
  /** Show what would be done, and do nothing. */
  dry: boolean;
  /** Ask nothing. */
  yes: boolean;
  profiling: boolean;
  /** The command line of compose, without arguments. */
  compose: string[];
  apiHost: string;
  apiPort: number;
  otlpPort: number;
  collectorHealthPort: number;
  pyroscopePort: number;
  /** `undefined`: the embedded PostgreSQL or, in containers, Redis. */
  queueUrl: string | undefined;
  reviewRoot: string;
  reviewRootTrusted: boolean;
  readyFile: string | undefined;
  limits: Limits;
  workerConcurrency: number;
  apiService: string;
  workerService: string;
  apiEnv: Environment;
  workerEnv: Environment;
  healthUrl: string;
  /** The request that starts one job. */
  jobRequest: JobRequest;
  /** All that the user gives; empty: reviews. */
  jobRequests: JobRequest[];
  /** The environment that the observed processes inherit: this process's over `.env`. */
  environment: Environment;
}

/** The checkout that this file belongs to. */
export const ROOT = resolve(import.meta.dirname, "../..");

/**
 * The environment of this process over the file `.env` in `root`.
 *
 * @throws {UserError} when `.env` is there but cannot be read
 */
export function readEnvironment(root = ROOT): Environment {
  const file = join(root, ".env");
  const environment: Environment = {};
  if (existsSync(file)) {
    const fromArguments = new Set(ARGUMENTS.map(({ name }) => name));
    for (const [name, value] of Object.entries(parseEnv(readDotenv(file)))) {
      if (value && !fromArguments.has(name)) environment[name] = value;
    }
  }
  for (const [name, value] of Object.entries(process.env)) {
    if (value) environment[name] = value;
  }
  return environment;
}

/**
 * The settings out of an environment.
 *
 * @throws {UserError} naming the variable, its value and what is allowed
 */
export function loadConfig(environment: Environment, root = ROOT): Config {
  for (const { name, allowed } of [...SETTINGS, ...CONTAINER_SETTINGS, ...ARGUMENTS]) {
    const value = environment[name];
    if (value && allowed && !allowed.includes(value)) {
      throw new UserError(
        `Cannot use ${name}="${value}": allowed ${allowed.length > 1 ? "values are" : "is"} ${allowed.join(", ")}`,
      );
    }
  }
  const table = [...SETTINGS, ...CONTAINER_SETTINGS];
  const text = (name: string) => environment[name] || table.find((setting) => setting.name === name)?.default || "";
  const whole = (name: string, most: number) => wholeNumber(name, text(name), most);
  const isCompose = text("STACK") === "compose";
  const port = (name: string) => whole(name, 65_535);
  const profiling = text("PROFILING") === "on";
  const health = isCompose ? ["COLLECTOR_HEALTH_PORT"] : [];
  requireDifferent(["API_PORT", "OTLP_PORT", ...health, ...(profiling || isCompose ? ["PYROSCOPE_PORT"] : [])], port);
  const requests = parseJobRequests(text("JOB_REQUEST"));
  const config: Config = {
    root,
    home: join(root, ".prodlike"),
    stack: isCompose ? "compose" : "local",
    runtime: text("RUNTIME") === "deno" ? "deno" : "node",
    json: environment.JSON === "1",
    onlyCollector: environment.ONLY === "collector",
    part: environment.PART || "start",
    load: parseLoad(environment, whole("WORKER_CONCURRENCY", 10_000)),
    limited: environment.LIMITS !== "off",
    run: environment.RUN || undefined,
    ladder: parseLadder(environment.LADDER || "1,2,4,8,16"),
    against: environment.AGAINST || undefined,
    compared: { a: environment.A || undefined, b: environment.B || undefined },
    maximum: {
      p95Ms: milliseconds("MAX_P95_MS", environment.MAX_P95_MS),
      cpuMs: milliseconds("MAX_CPU_MS", environment.MAX_CPU_MS),
    },
    app: environment.APP ? resolve(environment.APP) : undefined,
    stashPaths: environment.STASH_PATHS,
    dry: environment.DRY === "1",
    yes: environment.YES === "1",
    profiling,
    compose: text("COMPOSE").trim().split(/\s+/),
    apiHost: text("API_HOST"),
    apiPort: port("API_PORT"),
    otlpPort: port("OTLP_PORT"),
    collectorHealthPort: port("COLLECTOR_HEALTH_PORT"),
    pyroscopePort: port("PYROSCOPE_PORT"),
    queueUrl: queueUrl(text("QUEUE_URL")),
    reviewRoot: resolve(root, text("REVIEW_ROOT") || "."),
    reviewRootTrusted: text("REVIEW_ROOT_TRUSTED") === "true",
    readyFile: text("READY_FILE") || undefined,
    limits: {
      cpus: parseCpus("PRODLIKE_CPUS", text("PRODLIKE_CPUS")),
      memoryBytes: parseBytes("PRODLIKE_MEMORY", text("PRODLIKE_MEMORY")),
      oldSpaceMb: whole("PRODLIKE_OLD_SPACE_MB", 2 ** 24),
      semiSpaceMb: whole("PRODLIKE_SEMI_SPACE_MB", 2 ** 14),
      environment: assignments("PRODLIKE_ENV", text("PRODLIKE_ENV")),
    },
    workerConcurrency: whole("WORKER_CONCURRENCY", 10_000),
    apiService: serviceName("API_SERVICE", text("API_SERVICE")),
    workerService: serviceName("WORKER_SERVICE", text("WORKER_SERVICE")),
    apiEnv: assignments("API_ENV", text("API_ENV")),
    workerEnv: assignments("WORKER_ENV", text("WORKER_ENV")),
    healthUrl: httpUrl("HEALTH_URL", text("HEALTH_URL") || `http://127.0.0.1:${port("API_PORT")}/health`),
    jobRequest: requests[0] ?? { method: "POST", url: `http://127.0.0.1:${port("API_PORT")}/reviews`, body: "{}" },
    jobRequests: requests,
    environment,
  };
  if (config.apiService === config.workerService) {
    throw new UserError(
      `Cannot use WORKER_SERVICE="${config.workerService}": API_SERVICE is the same, two names are needed`,
    );
  }
  return Object.freeze(config);
}

/** No two of these ports may be the same. */
function requireDifferent(names: string[], portOf: (name: string) => number): void {
  for (const [index, name] of names.entries()) {
    const twin = names.slice(index + 1).find((other) => portOf(other) === portOf(name));
    if (twin) throw new UserError(`Cannot use ${name}="${portOf(name)}": ${twin} is the same, two ports are needed`);
  }
}

function readDotenv(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UserError(`Cannot read "${file}": ${(cause as Error).message}`, { cause });
  }
}

function parseLadder(text: string): number[] {
  const steps = text.split(",").map((step) => (/^\d{1,4}$/.test(step.trim()) ? Number(step) : 0));
  if (steps.some((step) => step < 1) || new Set(steps).size < steps.length)
    throw new UserError(`Cannot use LADDER="${text}": different whole numbers above 0 are wanted, as 1,2,4,8`);
  return steps;
}

function milliseconds(name: string, text: string | undefined): number | undefined {
  if (!text) return undefined;
  const ms = Number(text);
  if (!(ms > 0 && ms < 1e9)) throw new UserError(`Cannot use ${name}="${text}": a number of ms above 0 is wanted`);
  return ms;
}

function wholeNumber(name: string, value: string, most: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= most) return number;
  throw new UserError(`Cannot use ${name}="${value}": a whole number from 1 to ${most} is wanted`);
}

function serviceName(name: string, value: string): string {
  // The log witness is a grep of `service.name=x` up to white space, and Pyroscope refuses other characters for ever.
  if (/^[\w.-]+$/.test(value)) return value;
  throw new UserError(`Cannot use ${name}="${value}": letters, digits, ".", "-" and "_" are wanted`);
}

function queueUrl(value: string): string | undefined {
  if (!value) return undefined;
  if (/^(rediss?|postgres(ql)?):\/\/./.test(value) && URL.canParse(value)) return value;
  // The value is not repeated: it may hold a password.
  throw new UserError(`Cannot use QUEUE_URL: a redis://, rediss:// or postgres:// address is wanted`);
}

/** Reads `KEY=value OTHER="with spaces"`. */
function assignments(name: string, value: string): Environment {
  const result: Environment = {};
  // A name, "=", then a quoted or an unquoted value, up to white space or the end.
  const one = /\s*([A-Za-z_]\w*)=(?:"([^"]*)"|'([^']*)'|([^\s"']*))(?=\s|$)/y;
  const rest = value.trimEnd();
  while (one.lastIndex < rest.length) {
    const found = one.exec(rest);
    if (!found) throw new UserError(`Cannot use ${name}: KEY=value pairs separated by spaces are wanted`);
    result[found[1]!] = found[2] ?? found[3] ?? found[4] ?? "";
  }
  return result;
}
