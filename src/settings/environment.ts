import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { UserError } from "../terminal/user_error.ts";
import { ARGUMENTS } from "./table.ts";

/** Variables by name, as a process has them. */
export type Environment = Record<string, string>;

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

function readDotenv(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new UserError(`Cannot read "${file}": ${(cause as Error).message}`, { cause });
  }
}
