import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { UserError } from "../terminal/user_error.ts";

/** A JavaScript runtime that can run the scripts. */
export type Runtime = "node" | "deno";

/** The runtime this process runs on. */
export const currentRuntime: Runtime = "Deno" in globalThis ? "deno" : "node";

/** What Node imports first to run TypeScript: an address, so that a child's folder does not matter. */
export const RUN_TYPESCRIPT = new URL("../run_typescript.mjs", import.meta.url).href;

/** Its version, which Deno reports as that of the Node it stands in for. */
export const runtimeVersion = process.versions.deno ?? process.versions.node;

/** Lets this process live on when what it prints cannot be written, as on a full disk, or when nobody reads it any more. */
export function outliveOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
}

/**
 * The command line that runs the TypeScript file `entry` (absolute path) on `runtime`, without a shell.
 *
 * @throws {UserError} when `runtime` is Deno and there is none
 */
export function entryCommand(entry: string, runtime: Runtime): { file: string; args: string[] } {
  if (runtime === "deno") {
    // Types are checked by tsc, once; Deno would do it at every start.
    return { file: denoProgram(), args: ["run", "--allow-all", "--no-check", "--quiet", entry] };
  }
  // Not the `tsx` command, which adds a process; only its ESM part, as a patched `require` costs a sixth of the start.
  const file = currentRuntime === "node" ? process.execPath : "node";
  return { file, args: ["--import", RUN_TYPESCRIPT, entry] };
}

/** The command line that runs the built JavaScript file `entry` on `runtime`, likewise. */
export function builtCommand(entry: string, runtime: Runtime): { file: string; args: string[] } {
  if (runtime === "deno") return entryCommand(entry, runtime);
  return { file: currentRuntime === "node" ? process.execPath : "node", args: [entry] };
}

/** The environment variable by which a runtime takes V8's flags, and its value. */
export function v8Flags(flags: string[], runtime: Runtime): [name: string, value: string] {
  return runtime === "deno" ? ["DENO_V8_FLAGS", flags.join(",")] : ["NODE_OPTIONS", flags.join(" ")];
}

/** Deno itself: the one that runs this, else that of the PATH, else that of the tests. */
function denoProgram(): string {
  if (currentRuntime === "deno") return process.execPath;
  const installed = resolve(import.meta.dirname, "../..", "test", "runtimes", "node_modules", "deno", "deno");
  for (const program of ["deno", installed]) {
    try {
      const [, major, minor] =
        /^deno (\d+)\.(\d+)/.exec(execFileSync(program, ["--version"], { encoding: "utf8" })) ?? [];
      if (Number(major) * 1_000 + Number(minor) >= 2_009) return program;
    } catch {
      // Not there.
    }
  }
  throw new UserError("Cannot run on Deno: there is no deno 2.9 or newer in the PATH", {
    next: "npm ci --prefix test/runtimes, or install it (https://deno.com)",
  });
}
