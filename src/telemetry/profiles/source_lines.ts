import { existsSync, readFileSync } from "node:fs";
import { findSourceMap, SourceMap } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** A place in a script; line and column from 1 on. */
export interface ScriptPlace {
  file?: string;
  line?: number;
  column?: number;
  name?: string;
}

/**
 * Finds the place in the source that a place in a script was made of: by the source map that the runtime knows, as of what
 * tsx translates, or by the file `<script>.map`. Each script is looked at once. Packages stay as they are installed.
 */
export class SourceLines {
  readonly #maps = new Map<string, SourceMap | undefined>();

  /** The place itself when there is no map. */
  mappingInfo(place: ScriptPlace): ScriptPlace {
    const { file, line, column = 1 } = place;
    if (!file || !line) return place;
    if (!this.#maps.has(file)) this.#maps.set(file, readMap(file));
    const entry = this.#maps.get(file)?.findEntry(line - 1, column - 1);
    if (!entry || !("originalSource" in entry)) return place;
    const { originalSource, originalLine, originalColumn } = entry;
    const path = originalSource.startsWith("file:") ? fileURLToPath(originalSource) : originalSource;
    return { ...place, file: resolve(dirname(file), path), line: originalLine + 1, column: originalColumn + 1 };
  }
}

/** The source map of a script that is in no package. */
export function readMap(file: string): SourceMap | undefined {
  if (/^node:|[\\/]node_modules[\\/]/.test(file)) return undefined;
  const known = findSourceMap(file);
  if (known) return known;
  try {
    return existsSync(`${file}.map`) ? new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8"))) : undefined;
  } catch {
    return undefined; // a broken map: the lines are those of the script
  }
}
