import { basename, dirname, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { OWN_CODE } from "../names.ts";
import { readMap } from "./source_lines.ts";

/** This file, as a source map names it. */
const THIS = "telemetry/profiles/own_code.ts";

/**
 * Names files as they stand in a profile: those with code of ours begin with `OWN_CODE`, wherever they lie. That is the folder of our
 * sources, or, built without a source map, the file that was built.
 */
export function createFileNames(self = fileURLToPath(import.meta.url)): (file: string) => string {
  const source = basename(self) === basename(THIS) ? self : sourceOf(self);
  const isOurs = source
    ? (file: string) => file.startsWith(dirname(dirname(source)) + sep)
    : (file: string) => file === self;
  return (file) => (isOurs(file) ? OWN_CODE + file : file);
}

/** Where this file lay when it was built into that one. */
function sourceOf(built: string): string | undefined {
  const own = readMap(built)?.payload.sources.find((each) => each.endsWith(THIS));
  return own && resolve(dirname(built), own.startsWith("file:") ? fileURLToPath(own) : own);
}
