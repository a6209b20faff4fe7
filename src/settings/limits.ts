import type { Environment } from "./environment.ts";
import { parseBytes, parseCpus } from "./quantities.ts";
import type { Reader } from "./reader.ts";

/** The production limits of the worker, as they are asked for. */
export interface Limits {
  cpus: number;
  memoryBytes: number;
  oldSpaceMb: number;
  semiSpaceMb: number;
  /** Its environment in production. */
  environment: Environment;
}

/** @throws {UserError} naming the variable, its value and what is wanted */
export function readLimits({ text, whole, assignments }: Reader): Limits {
  return {
    cpus: parseCpus("PRODLIKE_CPUS", text("PRODLIKE_CPUS")),
    memoryBytes: parseBytes("PRODLIKE_MEMORY", text("PRODLIKE_MEMORY")),
    oldSpaceMb: whole("PRODLIKE_OLD_SPACE_MB", [1, 2 ** 24]),
    semiSpaceMb: whole("PRODLIKE_SEMI_SPACE_MB", [1, 2 ** 14]),
    environment: assignments("PRODLIKE_ENV"),
  };
}

/** The flags by which V8 is told of them. */
export function heapFlags({ oldSpaceMb, semiSpaceMb }: Limits): string[] {
  return [`--max-old-space-size=${oldSpaceMb}`, `--max-semi-space-size=${semiSpaceMb}`];
}
