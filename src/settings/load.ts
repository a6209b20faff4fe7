import { UserError } from "../terminal/user_error.ts";
import type { Environment } from "./environment.ts";
import { whole } from "./reader.ts";

/** How much load, and of which kind. */
export interface LoadSettings {
  /** Jobs that count, at most; `undefined`: as many as fit into the duration. */
  jobs: number | undefined;
  /** How long jobs are sent, at most. */
  durationMs: number | undefined;
  /** Open loop: jobs a second. `undefined`: closed loop. */
  ratePerSecond: number | undefined;
  /** Closed loop: jobs under way at once. `undefined`: two for each that the worker runs at once. */
  inFlight: number | undefined;
  /** Jobs before those that count, likewise. */
  warmup: number | undefined;
  /** Whether the worker under load runs under its limits. */
  limited: boolean;
  /** The concurrencies of a sweep. */
  ladder: number[];
}

/** The most jobs under way at once. */
export const MOST_IN_FLIGHT = 1_000;
/** When neither a number nor a duration is given. */
const DEFAULT_JOBS = 100;
const MOST_JOBS = 1_000_000;
const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * The arguments JOBS, RATE, IN_FLIGHT, DURATION, WARMUP, LIMITS and LADDER.
 *
 * @throws {UserError} naming the variable, the value and the grammar
 */
export function readLoadSettings(environment: Environment): LoadSettings {
  const { JOBS, RATE, IN_FLIGHT, DURATION, WARMUP, LIMITS, LADDER } = environment;
  if (RATE && IN_FLIGHT) {
    throw new UserError(
      `Cannot use IN_FLIGHT="${IN_FLIGHT}" with RATE="${RATE}": a rate keeps its schedule however many are under way`,
    );
  }
  const durationMs = DURATION ? duration("DURATION", DURATION) : undefined;
  return {
    jobs: JOBS ? whole("JOBS", JOBS, [1, MOST_JOBS]) : durationMs === undefined ? DEFAULT_JOBS : undefined,
    durationMs,
    ratePerSecond: RATE ? rate("RATE", RATE) : undefined,
    inFlight: IN_FLIGHT ? whole("IN_FLIGHT", IN_FLIGHT, [1, MOST_IN_FLIGHT]) : undefined,
    warmup: WARMUP ? whole("WARMUP", WARMUP, [0, 10_000]) : undefined,
    limited: LIMITS !== "off",
    ladder: parseLadder(LADDER || "1,2,4,8,16"),
  };
}

function parseLadder(text: string): number[] {
  const steps = text.split(",").map((step) => (/^\d{1,4}$/.test(step.trim()) ? Number(step) : 0));
  if (steps.some((step) => step < 1) || new Set(steps).size < steps.length)
    throw new UserError(`Cannot use LADDER="${text}": different whole numbers above 0 are wanted, as 1,2,4,8`);
  return steps;
}

function rate(name: string, value: string): number {
  const number = Number(value);
  if (/^\d+(\.\d+)?$/.test(value) && number >= 0.001 && number <= 10_000) return number;
  throw new UserError(`Cannot use ${name}="${value}": jobs a second are wanted, as 5 or 0.5, from 0.001 to 10000`);
}

function duration(name: string, value: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value) ?? [];
  const ms = Number(number) * (UNIT_MS[unit] ?? 0);
  if (ms >= 1 && ms <= 24 * UNIT_MS.h!) return ms;
  throw new UserError(`Cannot use ${name}="${value}": a duration is wanted, as 30s, 2m or 1.5h, at most 24h`);
}
