import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export interface SmallDiskOptions {
  /** As `mount` takes it. @default {"64k"} */
  size?: string;
  /** Where it is mounted; made if it is missing. @default a new one that is removed afterwards */
  folder?: string;
}

/** Runs `use` with a file system that is soon full; skips the test, loudly, where this process may mount none. */
export async function withSmallDisk(
  t: TestContext,
  use: (folder: string) => Promise<void> | void,
  { size = "64k", folder }: SmallDiskOptions = {},
): Promise<void> {
  const mounted = folder ?? mkdtempSync(join(tmpdir(), "prodlike-disk-"));
  mkdirSync(mounted, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", mounted], { stdio: "pipe" });
  } catch (error) {
    if (!folder) rmSync(mounted, { recursive: true });
    return t.skip(`SKIPPED: needs the right to mount a small file system: ${(error as Error).message.trim()}`);
  }
  try {
    await use(mounted);
  } finally {
    execFileSync("umount", ["--lazy", mounted]); // what is still open ends with its process
    if (!folder) rmSync(mounted, { recursive: true });
  }
}

/** Takes the room that is left in `folder`, to the last byte, by a file that can be removed again; returns its path. */
export function fillDisk(folder: string): string {
  const file = join(folder, `filler-${process.hrtime.bigint()}`);
  for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 2)) {
    try {
      while (statfsSync(folder).bavail > 0) writeFileSync(file, Buffer.alloc(bytes, 1), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
  return file;
}
