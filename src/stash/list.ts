import { join } from "node:path";
import { readPlainFile } from "../files/plain_file.ts";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";

/** What to set aside: paths or pathspecs of git, as seen from the application's folder. */
export interface StashList {
  /** Tracked and untracked. */
  plain: string[];
  /** Those which git ignores. */
  ignored: string[];
}

/** The file that holds a list, at the top of an application. */
export const LIST_FILE = ".prodlike-stash";

/**
 * The list of `STASH_PATHS`, else of the file `.prodlike-stash` in `app`; `undefined` when there is neither.
 *
 * @throws {UserError} when the file cannot be read or the list is empty
 */
export function readList(app: string, stashPaths: string | undefined): StashList | undefined {
  const file = join(app, LIST_FILE);
  // One line is split at white space, as make users write lists.
  let text = stashPaths?.trim().includes("\n") ? stashPaths : stashPaths?.replace(/\s+/g, "\n");
  if (text === undefined) {
    const found = readPlainFile(file);
    if (!found) return undefined;
    if ("reason" in found) throw new UserError(`Cannot read "${visible(file)}": ${visible(found.reason)}`);
    text = found.text;
  }
  const list = parseList(text);
  if (list.plain.length + list.ignored.length) return list;
  throw new UserError(
    `Cannot use ${stashPaths === undefined ? `"${visible(file)}"` : "STASH_PATHS"}: it names no path`,
  );
}

/** Reads one path a line, `#` comments, prefix `ignored:`. */
export function parseList(text: string): StashList {
  const list: StashList = { plain: [], ignored: [] };
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    if (!line || line.startsWith("#")) continue;
    const path = line.replace(/^ignored:\s*/, "");
    const part = path === line ? list.plain : list.ignored;
    if (path && !part.includes(path)) part.push(path);
  }
  return list;
}
