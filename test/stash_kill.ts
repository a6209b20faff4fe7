import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { ROOT } from "../src/settings/environment.ts";
import { currentRuntime } from "../src/settings/runtime.ts";
import { waitFor } from "../src/wait_for.ts";
import type { TestRepository } from "./stash_repository.ts";

/** Where a process is killed: at the n-th call of git, or at the n-th change to the disk (twice each, Node only). */
export type KillAt = { git: number; when: "before" | "during" | "after" } | { file: number };

/** The real scripts, built once: they start in a third of the time. */
export interface BuiltScripts {
  /** Runs a script with `YES=1` in a repository; "killed" or its exit code. */
  run(name: "stash" | "unstash", repository: TestRepository, options: RunOptions): Promise<number | "killed">;
  close(): void;
}

export interface RunOptions {
  list?: string;
  killAt: KillAt;
}

/** Counts the calls; "during": git goes on although whoever started it is dead. */
const GIT = `#!/bin/sh
read -r n < "$STEPS_FILE"
n=$((n + 1))
echo $n > "$STEPS_FILE"
[ $n = "$KILL_AT_GIT_STEP" ] || exec "$REAL_GIT" "$@"
[ "$KILL_WHEN" = after ] || kill -KILL $PPID
[ "$KILL_WHEN" = before ] || "$REAL_GIT" "$@"
code=$?
[ "$KILL_WHEN" = after ] && kill -KILL $PPID
echo killed > "$STEPS_FILE"
exit $code
`;

export async function buildScripts(): Promise<BuiltScripts> {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-scripts-"));
  const require = 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  const scripts = ["stash", "unstash"].map((name) => join(ROOT, "scripts", `${name}.ts`));
  const shape = ["--bundle", "--platform=node", "--format=esm", "--out-extension:.js=.mjs", "--log-level=error"];
  const esbuild = join(ROOT, "node_modules", ".bin", "esbuild");
  await execa(esbuild, [...scripts, ...shape, `--outdir=${join(folder, "dist")}`, `--banner:js=${require}`]);
  const bin = join(folder, "bin");
  const real = (await execa("which", ["git"])).stdout;
  mkdirSync(bin);
  writeFileSync(join(bin, "git"), GIT);
  chmodSync(join(bin, "git"), 0o755);
  let runs = 0;

  return {
    async run(name, { folder: app, environment }, { list = "", killAt }) {
      const steps = join(folder, `steps-${runs++}`);
      writeFileSync(steps, "0\n");
      const isGit = "git" in killAt;
      const kill = isGit
        ? {
            PATH: `${bin}:${environment.PATH}`,
            REAL_GIT: real,
            KILL_AT_GIT_STEP: `${killAt.git}`,
            KILL_WHEN: killAt.when,
          }
        : { KILL_AT_FILE_STEP: `${killAt.file}` };
      // More than one line, so that spaces in names do not part them.
      const env = { ...environment, ...kill, STEPS_FILE: steps, APP: app, YES: "1", STASH_PATHS: `${list}\n#\n#` };
      const script = join(folder, "dist", `${name}.mjs`);
      const args =
        currentRuntime === "deno"
          ? ["run", "--allow-all", "--no-check", "--quiet", script]
          : ["--import", join(ROOT, "test", "kill_at_step.mjs"), script];
      const { signal, exitCode } = await execa(process.execPath, args, {
        cwd: folder,
        env,
        extendEnv: false,
        reject: false,
      });
      if (signal !== "SIGKILL") return exitCode!;
      const hasEnded = async () => readFileSync(steps, "utf8") === "killed\n" || undefined;
      if (isGit) await waitFor(hasEnded, "the end of the git that was under way");
      return "killed";
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}
