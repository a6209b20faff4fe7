import { UserError } from "../terminal/user_error.ts";

/** How much load, and of which kind. */
export interface LoadSettings {
  /** Jobs that count, at most; `undefined`: as many as fit into the duration. */
  jobs: number | undefined;
  /** How long jobs are sent, at most. */
  durationMs: number | undefined;
  /** Open loop: jobs a second. `undefined`: closed loop. */
  ratePerSecond: number | undefined;
  /** Closed loop: jobs under way at once. */
  inFlight: number;
  /** Jobs before those that count. */
  warmup: number;
}

/** When neither a number nor a duration is given. */
const DEFAULT_JOBS = 100;
const MOST_JOBS = 1_000_000;
const MOST_IN_FLIGHT = 1_000;
const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * The arguments JOBS, RATE, IN_FLIGHT, DURATION and WARMUP for a worker that runs `concurrency` jobs at once.
 *
 * @throws {UserError} naming the variable, the value and the grammar
 */
export function parseLoad(environment: Record<string, string>, concurrency: number): LoadSettings {
  const { JOBS, RATE, IN_FLIGHT, DURATION, WARMUP } = environment;
  const twice = Math.min(2 * concurrency, MOST_IN_FLIGHT);
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
    inFlight: IN_FLIGHT ? whole("IN_FLIGHT", IN_FLIGHT, [1, MOST_IN_FLIGHT]) : twice,
    warmup: WARMUP ? whole("WARMUP", WARMUP, [0, 10_000]) : twice,
  };
}

function whole(name: string, value: string, [least, most]: [number, number]): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  throw new UserError(`Cannot use ${name}="${value}": a whole number from ${least} to ${most} is wanted`);
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
