import { openSync, statSync, truncateSync } from "node:fs";
import { dirname } from "node:path";
import type { Config } from "../config.ts";
import { cannotWrite } from "../system_error.ts";
import { PARTS, stackFiles } from "./state.ts";

/** The log of a part is emptied when it exceeds this, in bytes. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Opens the file that takes what a process prints; who else writes there goes on.
 *
 * @throws {UserError} when it cannot be opened
 */
export function openLog(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch (cause) {
    throw cannotWrite(`Cannot write "${file}"`, cause, dirname(file));
  }
}

/** Empties each log of a part that has grown too large. Its writers append, so they go on at its new end. */
export function capLogs(config: Pick<Config, "home">): void {
  for (const file of PARTS.map(stackFiles(config).output)) {
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > MAX_BYTES) truncateSync(file);
  }
}
