import { copyFileSync } from "node:fs";
import type { StashEntry } from "./entries.ts";
import { writeIndex } from "./index_state.ts";
import type { StashedPath } from "./record.ts";
import type { Repository } from "./repository.ts";
import type { Selection } from "./select.ts";
import { privateIndex } from "./snapshot.ts";

/** Names of the two entries: of tracked and untracked paths, and of those which git ignores. */
export const NAMES = { changes: "otel+pyroscope+worker-prodlike", ignored: "otel-test" } as const;

/**
 * Makes the commits of both entries, which `git stash apply` understands: the working tree, with the commit that was checked
 * out, the index and the untracked files as parents. A fourth parent, which git passes over, holds the bytes as they are on
 * the disk: `changed/<path>`, and `clean/<path>` for what is there instead.
 */
export async function makeEntries(
  repository: Repository,
  paths: StashedPath[],
  { branch, head }: Selection,
): Promise<StashEntry[]> {
  const on = branch === "(detached)" ? "(no branch)" : branch;
  const entries: StashEntry[] = [];
  for (const [part, name] of Object.entries(NAMES)) {
    const own = paths.filter(({ kind }) => (kind === "ignored") === (part === "ignored"));
    if (!own.length) continue;
    const message = `On ${on}: ${name}`;
    entries.push({ message, commit: await makeEntry(repository, own, { head, message, part }) });
  }
  return entries;
}

interface EntryOptions {
  head: string;
  message: string;
  part: string;
}

async function makeEntry(repository: Repository, paths: StashedPath[], { head, message, part }: EntryOptions) {
  const { git } = repository;
  const env = privateIndex(repository, part);
  copyFileSync(privateIndex(repository, "head").GIT_INDEX_FILE, env.GIT_INDEX_FILE);
  const commit = async (env: Record<string, string>, what: string, parents: string[]) => {
    const tree = (await git.text(["write-tree"], { env })).trim();
    const args = ["commit-tree", "--no-gpg-sign", ...parents.flatMap((each) => ["-p", each]), "-F", "-", tree];
    return (await git.text(args, { input: `${what}${message}\n` })).trim();
  };
  // As git would add them: with filters, so that applying the entry by hand runs them the other way.
  const addFiles = (files: StashedPath[], env: Record<string, string>) => {
    const input = files.map(({ path }) => `${path}\0`).join("");
    return git.text(["update-index", "--add", "--replace", "-z", "--stdin"], { input, env });
  };
  const tracked = paths.filter(({ kind }) => kind === "tracked");
  if (tracked.length)
    await writeIndex(
      repository,
      tracked.map(({ path, changed }) => [path, changed.index]),
      env,
    );
  const index = await commit(env, "index, ", [head]);

  const others = privateIndex(repository, `${part}-untracked`);
  await addFiles(
    paths.filter(({ kind }) => kind !== "tracked"),
    others,
  );
  const untracked = await commit(others, "untracked files, ", []);

  const raw = privateIndex(repository, `${part}-raw`);
  const files = paths.flatMap(({ path, ...sides }) =>
    (["changed", "clean"] as const).flatMap((side) => {
      const { file } = sides[side];
      return file
        ? [[`${side}/${path}`, `${file.type === "link" ? "120000" : "100644"} ${file.blob}`] as [string, string]]
        : [];
    }),
  );
  await writeIndex(repository, files, raw);
  const bytes = await commit(raw, "bytes as they are, ", []);

  const [there, absent] = [
    tracked.filter(({ changed }) => changed.file),
    tracked.filter(({ changed }) => !changed.file),
  ];
  if (absent.length)
    await writeIndex(
      repository,
      absent.map(({ path }) => [path, undefined]),
      env,
    );
  if (there.length) await addFiles(there, env);
  return commit(env, "", [head, index, untracked, bytes]);
}
