import { flushOnExit } from "./flush.ts";
import { say } from "./problems.ts";
import { profilingWanted, readProfileSettings } from "./settings.ts";

/**
 * Starts profiles of this process: CPU time and heap, to the Pyroscope server that the environment names. Stands in an entry
 * before everything else, so that what is imported later is seen. Does nothing and loads nothing unless `PROFILING=on`;
 * profiles that cannot be taken are one line on stderr, and the process goes on without them.
 */
export async function initPyroscope({ appName }: { appName: string }): Promise<void> {
  if (!profilingWanted()) return;
  try {
    const settings = readProfileSettings(appName);
    const [{ startProfiles }, { ProfileUpload }] = await Promise.all([
      import("./profiles/profiles.ts"),
      import("./profiles/upload.ts"),
    ]);
    const upload = new ProfileUpload(settings);
    const profiles = startProfiles(await startProfiler(settings), {
      flushIntervalMs: settings.flushIntervalMs,
      send: (taken, isLast) => upload.send(taken, isLast),
      toPost: (taken) => upload.toPost(taken),
    });
    flushOnExit([profiles]);
  } catch (error) {
    say(`profiles of ${appName}: not measured: ${(error as Error).message.split("\n")[0]}`);
  }
}

async function startProfiler(settings: ReturnType<typeof readProfileSettings>) {
  if ("Deno" in globalThis) return (await import("./profiles/deno_profiler.ts")).startDenoProfiler(settings);
  return (await import("./profiles/node_profiler.ts")).startNodeProfiler(settings);
}
