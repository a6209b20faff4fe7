/** Attribute values that OpenTelemetry accepts on a span. */
export type Attributes = Record<string, string | number | boolean>;

/** The running stage: attributes that are known only at its end are added here. */
export interface Stage {
  set(attributes: Attributes): void;
}

/** Runs `run` as a child span of the active span. */
export type RunStage = <T>(name: string, run: (stage: Stage) => Promise<T>) => Promise<T>;

// Module-level state: the application imports this file statically, long before it knows whether telemetry is on.
let installed: RunStage | undefined;

/** Hooks telemetry in, or out with `undefined`. Called by `startOtel` before the application is imported. */
export function installStages(runStage: RunStage | undefined): void {
  installed = runStage;
}

const unobserved: Stage = { set() {} };

/**
 * Runs one stage of a job as a child span named `name`; a plain call when telemetry is off.
 *
 * @throws what `run` throws; the span then has status ERROR
 */
export function stage<T>(name: string, run: (stage: Stage) => Promise<T>): Promise<T> {
  return installed ? installed(name, run) : run(unobserved);
}
