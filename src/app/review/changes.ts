import { parsePatch } from "diff";
import type { Git } from "./git.ts";

/** A changed TypeScript or JavaScript file. */
export interface ChangedFile {
  /** In the head revision; in the base revision when it was deleted. */
  path: string;
  /** Object id of its content in the head revision. */
  blob: string;
  /** Numbers of the lines that were added or changed, from 1. */
  addedLines: Set<number>;
  deletedLines: number;
  /** Why there is nothing to read in it. */
  unread?: "binary" | "deleted" | "notAFile" | "nothingAdded";
}

const EXTENSIONS = ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs"];

/** Everything that the user's or the repository's configuration could change about the output is said. */
const DIFF_OPTIONS = [
  "--patch",
  "--unified=0",
  "--inter-hunk-context=0",
  "--full-index",
  "--find-renames",
  "--diff-algorithm=default",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "--ignore-submodules=all",
  "--no-relative",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
];

/** The TypeScript and JavaScript files that differ between two revisions, in the order of their paths. */
export async function changedFiles(git: Git, base: string, head: string): Promise<ChangedFile[]> {
  const pathspecs = EXTENSIONS.map((extension) => `*.${extension}`);
  const output = await git.text(["diff", ...DIFF_OPTIONS, "--end-of-options", base, head, "--", ...pathspecs]);
  // Inside a file's part, lines of its content begin with "+", "-" or "\".
  return output === "" ? [] : output.split("\ndiff --git ").map(changedFile);
}

function changedFile(part: string, index: number): ChangedFile {
  const [patch] = parsePatch(index === 0 ? part : `diff --git ${part}`);
  if (!patch) throw new Error("Cannot read a part of the diff: it holds no patch");
  const addedLines = new Set<number>();
  let deletedLines = 0;
  for (const hunk of patch.hunks) {
    let line = hunk.newStart;
    for (const { 0: sign } of hunk.lines) {
      if (sign === "+") addedLines.add(line++);
      else if (sign === "-") deletedLines++;
    }
  }
  const [, blob = "", mode = patch.newMode] = /\nindex [0-9a-f]+\.\.([0-9a-f]+)(?: (\d+))?(?:\n|$)/.exec(part) ?? [];
  const name = patch.isDelete ? patch.oldFileName : patch.newFileName;
  const file: ChangedFile = { path: (name ?? "").replace(/^[ab]\//, ""), blob, addedLines, deletedLines };
  if (patch.isDelete) file.unread = "deleted";
  else if (patch.isBinary) file.unread = "binary";
  else if (mode && !mode.startsWith("100"))
    file.unread = "notAFile"; // a symbolic link
  else if (addedLines.size === 0) file.unread = "nothingAdded";
  return file;
}
