import { UserError } from "../terminal/user_error.ts";
import type { Environment } from "./environment.ts";
import { type Limits, readLimits } from "./limits.ts";
import type { Reader } from "./reader.ts";
import type { Runtime } from "./runtime.ts";

/** Where prodlike itself is, and where it writes. */
export interface Checkout {
  /** Absolute path of the folder that holds `package.json`. */
  root: string;
  /** `.prodlike` in it: all that prodlike writes. */
  home: string;
}

/** How a stack is brought up, whatever application is in it. */
export interface StackSettings extends Checkout {
  kind: "local" | "compose";
  runtime: Runtime;
  onlyCollector: boolean;
  profiling: boolean;
  /** The command line of compose, without arguments. */
  compose: string[];
  otlpPort: number;
  collectorHealthPort: number;
  pyroscopePort: number;
  /** `undefined`: the embedded PostgreSQL or, in containers, Redis. */
  queueUrl?: string | undefined;
  limits: Limits;
  /** What its processes inherit. */
  environment: Environment;
}

/** @throws {UserError} naming the variable, its value and what is wanted */
export function readStackSettings(reader: Reader, checkout: Checkout, environment: Environment): StackSettings {
  const { text, port } = reader;
  const kind = text("STACK") === "compose" ? "compose" : "local";
  const health = kind === "compose" ? ["COLLECTOR_HEALTH_PORT"] : [];
  requireDifferent(["API_PORT", "OTLP_PORT", ...health, "PYROSCOPE_PORT"], port);
  return {
    ...checkout,
    kind,
    runtime: text("RUNTIME") === "deno" ? "deno" : "node",
    onlyCollector: text("ONLY") === "collector",
    profiling: text("PROFILING") === "on",
    compose: text("COMPOSE").trim().split(/\s+/),
    otlpPort: port("OTLP_PORT"),
    collectorHealthPort: port("COLLECTOR_HEALTH_PORT"),
    pyroscopePort: port("PYROSCOPE_PORT"),
    queueUrl: readQueueUrl(reader),
    limits: readLimits(reader),
    environment,
  };
}

/**
 * The address of the queue store; `undefined` when none is given.
 *
 * @throws {UserError} when it is of another kind
 */
export function readQueueUrl({ text }: Reader): string | undefined {
  const value = text("QUEUE_URL");
  if (!value) return undefined;
  if (/^(rediss?|postgres(ql)?):\/\/./.test(value) && URL.canParse(value)) return value;
  // The value is not repeated: it may hold a password.
  throw new UserError(`Cannot use QUEUE_URL: a redis://, rediss:// or postgres:// address is wanted`);
}

/** No two of these ports may be the same. */
function requireDifferent(names: string[], portOf: (name: string) => number): void {
  for (const [index, name] of names.entries()) {
    const twin = names.slice(index + 1).find((other) => portOf(other) === portOf(name));
    if (twin) throw new UserError(`Cannot use ${name}="${portOf(name)}": ${twin} is the same, two ports are needed`);
  }
}
