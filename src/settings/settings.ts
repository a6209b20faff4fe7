import { join, resolve } from "node:path";
import { type Environment, ROOT } from "./environment.ts";
import { type LoadSettings, readLoadSettings } from "./load.ts";
import { readerOf } from "./reader.ts";
import { type ReportSettings, readReportSettings } from "./report.ts";
import { readServiceSettings, type ServiceSettings } from "./services.ts";
import { readStackSettings, type StackSettings } from "./stack.ts";
import { readStashSettings, type StashSettings } from "./stash.ts";
import { ARGUMENTS, SETTINGS } from "./table.ts";

/** Every setting, checked, with its effective value: a value a group, so that each function gets what it is about. */
export interface Settings {
  stack: StackSettings;
  services: ServiceSettings;
  load: LoadSettings;
  report: ReportSettings;
  stash: StashSettings;
  /** Another application: absolute path of its folder, or of a file of it. */
  app: string | undefined;
}

/**
 * The settings out of an environment.
 *
 * @throws {UserError} naming the variable, its value and what is allowed
 */
export function readSettings(environment: Environment, root = ROOT): Settings {
  const reader = readerOf(environment, [...SETTINGS, ...ARGUMENTS]);
  return {
    stack: readStackSettings(reader, { root, home: join(root, ".prodlike") }, environment),
    services: readServiceSettings(reader),
    load: readLoadSettings(environment),
    report: readReportSettings(environment),
    stash: readStashSettings(environment),
    app: environment.APP ? resolve(environment.APP) : undefined,
  };
}
