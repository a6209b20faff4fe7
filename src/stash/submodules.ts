import { join } from "node:path";
import { visible } from "../terminal/visible_text.ts";
import { foldersOf, isReached, lookAt } from "./file_state.ts";
import { type IndexState, SUBMODULE } from "./index_state.ts";
import { Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";

/** @throws {Refusal} when a path is a submodule, or lies in one or in another repository */
export function requireNoSubmodule({ top }: Repository, index: IndexState, paths: { path: string }[]): void {
  const nested = new Map<string, boolean>();
  for (const { path } of paths) {
    const submodule = [...foldersOf(path), path].find((each) => index.get(each)?.startsWith(SUBMODULE));
    if (submodule) throw new Refusal(`Cannot move "${visible(path)}": "${visible(submodule)}" is a submodule`);
    for (const folder of foldersOf(path)) {
      const mark = join(folder, ".git");
      // What is behind a link is no concern of ours: it stays.
      if (!nested.has(folder)) nested.set(folder, isReached(top, mark) && lookAt(join(top, mark)) !== undefined);
      if (nested.get(folder))
        throw new Refusal(`Cannot move "${visible(path)}": "${visible(folder)}" is a repository of its own`);
    }
  }
}
