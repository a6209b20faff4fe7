import type { Job, Telemetry } from "bullmq";

/** Attribute values that OpenTelemetry accepts on a span. */
export type Attributes = Record<string, string | number | boolean>;

/** The running stage: attributes that are known only at its end are added here. */
export interface Stage {
  set(attributes: Attributes): void;
}

/** What an application asks of telemetry; `startOtel` installs an implementation, and without one all of it is plain calls. */
export interface Instrumentation {
  /** Handed to every BullMQ `Queue` and `Worker`; makes the producer and the job span. */
  queueTelemetry: Telemetry;
  /** Adds to the job span what BullMQ does not tell: wait, attempts and the error of a failed job. */
  observeJob<T>(job: Job, run: () => Promise<T>): Promise<T>;
  /** Runs `run` as a child span of the active span. */
  stage<T>(name: string, run: (stage: Stage) => Promise<T>): Promise<T>;
}

// Module-level state: the application imports this file statically, long before it knows whether telemetry is on.
let installed: Instrumentation | undefined;

/** Hooks telemetry in, or out with `undefined`. Called by `startOtel` before the application is imported. */
export function installInstrumentation(instrumentation: Instrumentation | undefined): void {
  installed = instrumentation;
}

/** The part of BullMQ's options that switches its telemetry on: empty when telemetry is off. */
export function queueTelemetry(): { telemetry?: Telemetry } {
  return installed ? { telemetry: installed.queueTelemetry } : {};
}

/** Runs a job's processor under its job span; a plain call when telemetry is off. */
export function observeJob<T>(job: Job, run: () => Promise<T>): Promise<T> {
  return installed ? installed.observeJob(job, run) : run();
}

const unobserved: Stage = { set() {} };

/**
 * Runs one stage of a job as a child span named `name`; a plain call when telemetry is off.
 *
 * @throws what `run` throws; the span then has status ERROR
 */
export function stage<T>(name: string, run: (stage: Stage) => Promise<T>): Promise<T> {
  return installed ? installed.stage(name, run) : run(unobserved);
}
