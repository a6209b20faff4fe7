import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Environment } from "../settings/environment.ts";
import type { Git } from "./git.ts";
import { type Repository, temporaryFolder } from "./repository.ts";

/** The entries of the index by path, each as `100644 <blob>`, with ` intent to add` or what else is special behind it. */
export type IndexState = Map<string, string>;

/** Suffix of an entry that `git add --intent-to-add` made. */
export const INTENT = " intent to add";

/** Mode of an entry that is a submodule. */
export const SUBMODULE = "160000 ";

/** Reads the whole index. */
export async function readIndex(git: Git): Promise<IndexState> {
  const output = await git.text(["ls-files", "--stage", "--debug", "-z"]);
  const index: IndexState = new Map();
  // "mode blob stage<tab>path<nul>", five lines about the file, the last of them ending with "flags: <hex>"
  const entry = /(\d{6} [0-9a-f]+) (\d)\t([^\0]+)\0[^\0]*?flags: ([0-9a-f]+)\n/y;
  while (entry.lastIndex < output.length) {
    const [, id, stage, path, hex] = entry.exec(output) ?? [];
    if (!path) throw new Error("Cannot read the index: git ls-files --debug has another form");
    const flags = Number.parseInt(hex!, 16);
    index.set(
      path,
      `${id}${stage === "0" ? "" : " unmerged"}${FLAGS.map(([bit, text]) => (flags & bit ? text : "")).join("")}`,
    );
  }
  return index;
}

/** read-cache.h of git: CE_VALID, CE_INTENT_TO_ADD, CE_SKIP_WORKTREE */
const FLAGS: [bit: number, text: string][] = [
  [0x8000, " assume-unchanged"],
  [0x2000_0000, INTENT],
  [0x4000_0000, " skip-worktree"],
];

/** The entries of a commit's tree, in the same form. */
export async function readTree(git: Git, commit: string): Promise<IndexState> {
  const output = await git.text(["ls-tree", "-r", "-z", "--full-tree", commit]);
  const entries = output.split("\0").filter(Boolean);
  return new Map(
    entries.map((entry) => {
      // "mode type blob<tab>path"
      const [, mode, blob, path] = /^(\d+) \w+ (\w+)\t([\s\S]+)$/.exec(entry)!;
      return [path!, `${mode} ${blob}`];
    }),
  );
}

/** Sets the entries of these paths, `undefined` for none, in the index or in a private one, and touches no other. */
export async function writeIndex(
  { git, ours, algorithm }: Repository,
  entries: [path: string, entry: string | undefined][],
  env: Environment = {},
): Promise<void> {
  const none = "0".repeat(algorithm === "sha1" ? 40 : 64);
  const lines = entries.flatMap(([path, entry]) => {
    const removal = `0 ${none}\t${path}\0`;
    return entry && !entry.endsWith(INTENT) ? [removal, `${entry}\t${path}\0`] : [removal];
  });
  // Half a line would be another path.
  const inputFile = join(temporaryFolder(ours), "index-info");
  writeFileSync(inputFile, lines.join(""));
  await git.text(["update-index", "-z", "--index-info"], { inputFile, env });
}

/** Adds entries with intent to add; `git add` wants their files, so it is shown empty ones in a folder apart. */
export async function intendToAdd(repository: Repository, entries: [path: string, entry: string][]): Promise<void> {
  if (!entries.length) return;
  const folder = join(temporaryFolder(repository.ours), "intended");
  for (const [path, entry] of entries) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    if (entry.startsWith("120000")) symlinkSync("target", file);
    else writeFileSync(file, "", { mode: entry.startsWith("100755") ? 0o755 : 0o644 });
  }
  const asTheyAre = ["-c", "core.fileMode=true", "-c", "core.symlinks=true", "--literal-pathspecs"];
  const add = ["add", "--intent-to-add", "--force", "--pathspec-from-file=-", "--pathspec-file-nul"];
  const input = entries.map(([path]) => `${path}\0`).join("");
  const env = { GIT_DIR: repository.gitFolder, GIT_WORK_TREE: folder };
  await repository.git.text([...asTheyAre, ...add], { input, env });
  rmSync(folder, { recursive: true });
}
