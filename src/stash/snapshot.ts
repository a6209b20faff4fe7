import { lstatSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { visible } from "../terminal/visible_text.ts";
import { storeBlobs } from "./blobs.ts";
import { type FileContent, foldersOf, isFolder, isReached, readContent, withoutBytes } from "./file_state.ts";
import { INTENT, readIndex, readTree } from "./index_state.ts";
import type { StashedPath, StashRecord } from "./record.ts";
import { Refusal } from "./refusal.ts";
import { type Repository, temporaryFolder } from "./repository.ts";
import type { Selection } from "./select.ts";
import { requireNoSubmodule } from "./submodules.ts";

/** A private index: the environment that makes git use it. */
export function privateIndex({ ours }: Repository, name: string) {
  return { GIT_INDEX_FILE: join(temporaryFolder(ours), name) };
}

/**
 * Records both states of every selected path, and stores the bytes of both in git. The private index `head` is that of
 * the commit afterwards.
 *
 * @throws {Refusal} when git or prodlike could not hold one of them
 */
export async function takeSnapshot(
  repository: Repository,
  { changes, head }: Selection,
): Promise<Pick<StashRecord, "paths" | "folders">> {
  const { git, top, algorithm } = repository;
  const index = await readIndex(git);
  const tree = await readTree(git, head);
  requireNoSubmodule(repository, index, changes);
  const cleanTop = await checkOut(
    repository,
    head,
    changes.map(({ path }) => path).filter((path) => tree.has(path)),
  );
  const paths: StashedPath[] = [];
  function* contents(): Generator<FileContent> {
    for (const change of changes) {
      const { path } = change;
      const [changed, clean] = [top, cleanTop].map((folder) => readContent(folder, path, algorithm));
      if (changed) yield changed;
      if (clean) yield clean;
      paths.push({
        ...change,
        changed: { file: changed && withoutBytes(changed), index: index.get(path) },
        clean: { file: clean && withoutBytes(clean), index: tree.get(path) },
      });
    }
  }
  await storeBlobs(git, contents());
  for (const { path, changed } of paths) requireFit(path, changed);
  return { paths, folders: foldersAround(repository, paths) };
}

/** Writes files as a checkout would, filters and all, into a folder apart, and returns it. */
async function checkOut(repository: Repository, head: string, paths: string[]): Promise<string> {
  const { git, ours, gitFolder } = repository;
  const folder = join(temporaryFolder(ours), "clean");
  mkdirSync(folder);
  const env = privateIndex(repository, "head");
  await git.text(["read-tree", head], { env });
  if (!paths.length) return folder;
  // Attributes are those of the working tree, unless they are set aside as well: then git has to see none but the commit's.
  const isAlone = paths.some((path) => basename(path) === ".gitattributes");
  const input = paths.map((path) => `${path}\0`).join("");
  await git.text(["checkout-index", "-z", "--stdin", ...(isAlone ? [] : [`--prefix=${folder}/`])], {
    input,
    env: isAlone ? { ...env, GIT_DIR: gitFolder, GIT_WORK_TREE: folder } : env,
  });
  return folder;
}

function requireFit(path: string, { file, index }: StashedPath["changed"]): void {
  const reason =
    file?.type === "other"
      ? "it is no file of less than 1 GiB, and no link with a UTF-8 target"
      : index && !/^\d+ \w+$/.test(index.replace(INTENT, "")) && `it is${index.replace(/^\d+ \w+/, "")} in the index`;
  if (reason) throw new Refusal(`Cannot set "${visible(path)}" aside: ${reason}`);
}

function foldersAround({ top }: Repository, paths: StashedPath[]): Record<string, number> {
  const folders = new Set(paths.flatMap(({ path }) => foldersOf(path)));
  const there = [...folders].filter((folder) => isReached(top, folder) && isFolder(join(top, folder)));
  return Object.fromEntries(there.map((folder) => [folder, lstatSync(join(top, folder)).mode & 0o7777]));
}
