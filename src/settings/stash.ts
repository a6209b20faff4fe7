import type { Environment } from "./environment.ts";

/** Arguments of `stash` and `unstash`. */
export interface StashSettings {
  /** Paths to set aside, one a line or separated by spaces. */
  paths: string | undefined;
  /** Show what would be done, and do nothing. */
  dry: boolean;
  /** Ask nothing. */
  yes: boolean;
}

export function readStashSettings({ STASH_PATHS, DRY, YES }: Environment): StashSettings {
  return { paths: STASH_PATHS, dry: DRY === "1", yes: YES === "1" };
}
