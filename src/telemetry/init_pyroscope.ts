import { say } from "./problems.ts";
import { type ProfileSettings, profilingWanted, readProfileSettings } from "./settings.ts";

/**
 * Starts profiles of this process: CPU time and heap, to the Pyroscope server that the environment names. Stands in an entry
 * before everything else, so that what is imported later is seen. Does nothing and loads nothing unless `PROFILING=on`;
 * profiles that cannot be taken are one line on stderr, and the process goes on without them.
 */
export async function initPyroscope({ appName }: { appName: string }): Promise<void> {
  if (!profilingWanted()) return;
  try {
    const settings = readProfileSettings(appName);
    const { profileProcess } = await import("./profiles/profile_process.ts");
    profileProcess(await startProfiler(settings), settings);
  } catch (error) {
    sayNotMeasured(appName, error);
  }
}

async function startProfiler(settings: ProfileSettings) {
  if ("Deno" in globalThis) return (await import("./profiles/deno_profiler.ts")).startDenoProfiler(settings);
  return (await import("./profiles/node_profiler.ts")).startNodeProfiler(settings);
}

/** Says why there are no profiles. */
export function sayNotMeasured(appName: string, error: unknown): void {
  const { message } = error as Error; // what loading a package or starting a profiler throws is one
  say(`profiles of ${appName}: not measured: ${message.split("\n")[0]}`);
}
