import { type Dirent, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { visible } from "../terminal/visible_text.ts";
import { foldersOf, isFolder, lookAt } from "./file_state.ts";
import type { IndexState } from "./index_state.ts";
import type { Side, StashedPath } from "./record.ts";
import { Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";

/** @throws {Refusal} when something that is not ours stands where a path, or a folder that leads to it, has to be */
export function requireRoom({ top }: Repository, paths: StashedPath[], to: Side): void {
  const vanishing = new Set(paths.filter(({ [to]: { file } }) => !file).map(({ path }) => path));
  const removed = new Set(foldersToRemove(paths, to));
  const inTheWay = (path: string): string | undefined => {
    for (const folder of foldersOf(path)) {
      const stat = lookAt(join(top, folder));
      if (!stat) return undefined;
      if (!stat.isDirectory()) return vanishing.has(folder) ? undefined : folder;
    }
    if (!isFolder(join(top, path))) return undefined;
    if (!removed.has(path)) return path;
    const names = entriesIn(join(top, path)).map((entry) => {
      return { entry, name: relative(top, join(entry.parentPath, entry.name)) };
    });
    return names.find(({ entry, name }) => !(entry.isDirectory() ? removed : vanishing).has(name))?.name;
  };
  for (const { path } of paths.filter(({ [to]: { file } }) => file)) {
    const obstacle = inTheWay(path);
    if (!obstacle) continue;
    throw new Refusal(`Cannot move "${visible(path)}": "${visible(obstacle)}" is in its way`, {
      next: "move that away",
    });
  }
}

/** @throws {Refusal} when an index entry that is not ours would have to give way: git removes it without a word */
export function requireIndexRoom(index: IndexState, paths: StashedPath[], to: Side): void {
  const own = new Set(paths.map(({ path }) => path));
  const foreign = new Set([...index.keys()].filter((path) => !own.has(path)));
  const folders = new Set([...foreign].flatMap(foldersOf));
  for (const { path } of paths.filter(({ [to]: { index } }) => index)) {
    const obstacle = foldersOf(path).find((folder) => foreign.has(folder)) ?? (folders.has(path) ? path : undefined);
    if (!obstacle) continue;
    throw new Refusal(`Cannot move "${visible(path)}": "${visible(obstacle)}" is in its way in the index`, {
      next: "list that as well",
    });
  }
}

/** The folders that go when they are empty, innermost first: those that held files of the other side only. */
export function foldersToRemove(paths: StashedPath[], to: Side): string[] {
  const kept = new Set(paths.filter(({ [to]: { file } }) => file).flatMap(({ path }) => foldersOf(path)));
  const other = to === "clean" ? "changed" : "clean";
  const candidates = paths.filter(({ [to]: here, [other]: there }) => there.file && !here.file);
  const folders = new Set(candidates.flatMap(({ path }) => foldersOf(path)));
  return [...folders].filter((folder) => !kept.has(folder)).sort((a, b) => b.length - a.length);
}

/** All that is in a folder, at any depth. Node 24's own recursion follows links, also those that lead to themselves. */
export function entriesIn(folder: string): Dirent[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry, ...entriesIn(join(folder, entry.name))] : [entry]));
}
