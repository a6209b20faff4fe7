import { UserError } from "../terminal/user_error.ts";
import type { Environment } from "./environment.ts";

/** Which recorded runs a report is about, and what it is judged by. */
export interface ReportSettings {
  /** A recorded run: its id or folder, or `latest`; `undefined`: a new one. */
  run: string | undefined;
  /** A recorded run to compare that one with. */
  against: string | undefined;
  /** The two runs of `compare`. */
  compared: { a: string | undefined; b: string | undefined };
  /** What a job of the run may take at the most, ms. */
  maximum: { p95Ms: number | undefined; cpuMs: number | undefined };
}

/** @throws {UserError} naming the variable, its value and what is wanted */
export function readReportSettings(environment: Environment): ReportSettings {
  const { RUN, AGAINST, A, B, MAX_P95_MS, MAX_CPU_MS } = environment;
  return {
    run: RUN || undefined,
    against: AGAINST || undefined,
    compared: { a: A || undefined, b: B || undefined },
    maximum: { p95Ms: milliseconds("MAX_P95_MS", MAX_P95_MS), cpuMs: milliseconds("MAX_CPU_MS", MAX_CPU_MS) },
  };
}

function milliseconds(name: string, text: string | undefined): number | undefined {
  if (!text) return undefined;
  const ms = Number(text);
  if (!(ms > 0 && ms < 1e9)) throw new UserError(`Cannot use ${name}="${text}": a number of ms above 0 is wanted`);
  return ms;
}
