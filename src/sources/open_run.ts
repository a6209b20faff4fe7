import { existsSync, lstatSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../terminal/user_error.ts";
import { visible } from "../terminal/visible_text.ts";
import { type ProfileFile, profilesIn } from "./profile_files.ts";
import { isPlainFile, type RunFile, readDescription } from "./read_description.ts";
import { isProof, RETENTION, runIds } from "./runs.ts";

/** Where a run is. */
export interface RunPlace {
  id: string;
  folder: string;
}

/** A recorded run: what its `run.json` says, and where its telemetry is. */
export interface OpenedRun extends RunPlace {
  description: RunFile;
  /** Absent: the run has none, or it is not a plain file. */
  traces: string | undefined;
  metrics: string | undefined;
  /** The oldest first. */
  profiles: ProfileFile[];
}

/** The settings by which a run is named. */
export type RunSetting = "RUN" | "AGAINST" | "A" | "B";

/**
 * Opens a run of the folder `.prodlike` by its id, by the path of its folder, or as `latest` the newest recording, where
 * there is none the newest proof. `setting` is how the user names it.
 *
 * @throws {UserError} when there is no such run, or its `run.json` is damaged
 */
export function openRun(home: string, wanted: string, setting: RunSetting = "RUN"): OpenedRun {
  const runs = join(home, "runs");
  const ids = runIds(runs);
  const path = resolve(wanted);
  // Only what is a folder there and is named like a run: nothing leads elsewhere.
  const name = dirname(path) === resolve(runs) ? basename(path) : wanted;
  const latest = () => ids.findLast((each) => !isProof(join(runs, each))) ?? ids.at(-1);
  const id = wanted === "latest" ? latest() : ids.find((each) => each === name);
  if (!id) {
    const [some] = ids.slice(-1);
    const reason = some ? `there is no such run in ${runs}, where ${RETENTION}` : `there are no runs in ${runs}`;
    throw new UserError(`Cannot use ${setting}="${visible(wanted)}": ${reason}`, {
      next: some ? `${setting}=latest, or as ${setting}=${some}` : "make bottlenecks",
    });
  }
  return readRun({ id, folder: join(runs, id) });
}

/**
 * Opens a run that is known to be there.
 *
 * @throws {UserError} when its `run.json` is damaged
 */
export function readRun({ id, folder }: RunPlace): OpenedRun {
  const plain = (file: string) => (isPlainFile(join(folder, file)) ? join(folder, file) : undefined);
  return {
    id,
    folder,
    description: readDescription(join(folder, "run.json")),
    traces: plain("traces.jsonl"),
    metrics: plain("metrics.jsonl"),
    profiles: profilesOf(folder),
  };
}

function profilesOf(folder: string): ProfileFile[] {
  const profiles = join(folder, "profiles");
  if (!existsSync(profiles) || !lstatSync(profiles).isDirectory()) return [];
  const always = { fromMs: 0, untilMs: Number.POSITIVE_INFINITY };
  try {
    return profilesIn(profiles, always).filter(
      ({ path }) => isPlainFile(path) && lstatSync(dirname(path)).isDirectory(),
    );
  } catch (cause) {
    throw new UserError(`Cannot use "${profiles}": ${visible((cause as Error).message)}`, {
      next: `ls -lR "${profiles}"`,
      cause,
    });
  }
}
