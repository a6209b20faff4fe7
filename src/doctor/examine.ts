import type { Environment } from "../settings/environment.ts";
import type { Settings } from "../settings/settings.ts";
import { lintLimits } from "./lint.ts";
import { readApplication } from "./read_application.ts";
import { readHostSwap, settingsSubject } from "./settings_subject.ts";
import type { LimitFinding, Subject } from "./subject.ts";

/** What is wrong with the limits of an application, and what that was read from. Plain data. */
export interface Examination {
  findings: LimitFinding[];
  /** The names of the processes that were looked at. */
  processes: string[];
  read: string[];
  notRead: string[];
}

/**
 * Looks at the limits of all processes of an application.
 *
 * @throws {UserError} as readApplication does
 */
export function examine(app: string, environment: Environment): Examination {
  const { subjects, read, notRead } = readApplication(app, environment);
  return { ...lintOnHost(subjects), read, notRead };
}

/** Looks at the worker as the settings would run it; `measured`: the memory that one job took in a recorded run. */
export function examineSettings(
  settings: Pick<Settings, "stack" | "services">,
  measured?: { bytes: number; run: string },
): Examination {
  return { ...lintOnHost([settingsSubject(settings, measured)]), read: ["settings"], notRead: [] };
}

function lintOnHost(subjects: Subject[]): Pick<Examination, "findings" | "processes"> {
  const hostSwapBytes = readHostSwap();
  const onHost = hostSwapBytes === undefined ? {} : { hostSwapBytes };
  const findings = subjects.flatMap((subject) => lintLimits({ ...subject, ...onHost }));
  return { findings, processes: subjects.map(({ name }) => name) };
}
