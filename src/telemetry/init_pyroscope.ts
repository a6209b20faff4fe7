import { profilingWanted } from "./settings.ts";

/**
 * Starts profiles of this process under the name `appName`. Stands in an entry before everything else, so that what is
 * imported later is seen. Does nothing and loads nothing unless `PROFILING=on`.
 */
export async function initPyroscope({ appName }: { appName: string }): Promise<void> {
  if (!profilingWanted()) return;
  process.stderr.write(`profiles of ${appName}: not measured: this version has none\n`);
}
