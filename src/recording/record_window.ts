import type { FileMark, TelemetryFiles } from "../otlp/live_file.ts";
import type { RunPlace } from "../sources/open_run.ts";
import { beginRun, endRun, type Recording, type RunContent, type RunSource } from "./run_folder.ts";

/** A window of work, and how it is closed. */
export interface Window<T> {
  files: TelemetryFiles;
  /** Where the metrics of the run begin. @default where the window begins */
  metrics?: FileMark;
  work: (run: Recording) => Promise<T>;
  /** Waits for what the work has left, and says what the window held. */
  settle: (run: Recording, worked: T) => Promise<RunContent>;
  /** Told which old runs are removed, and where the run is when its disk is full. */
  say?: (line: string) => void;
}

/** What was recorded. */
export interface Recorded<T> {
  run: RunPlace;
  worked: T;
  content: RunContent;
}

/**
 * Records a window of work: begins it, has the work done, waits for what that has left, and writes the run.
 *
 * @throws {UserError} when the run cannot be written; what `work` and `settle` throw, and then there is no run
 */
export async function recordWindow<T>(
  source: RunSource,
  { files, metrics, work, settle, say }: Window<T>,
): Promise<Recorded<T>> {
  const run = beginRun(files, metrics);
  const worked = await work(run);
  const content = await settle(run, worked);
  return { run: await endRun(source, files, run, content, say), worked, content };
}
