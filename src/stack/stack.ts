import type { Death } from "../death/explain_death.ts";
import type { Enforcement } from "../limits/enforcement.ts";
import type { TelemetryFiles } from "../otlp/live_file.ts";
import type { Environment } from "../settings/environment.ts";
import type { Progress } from "./protocol.ts";
import type { PartExit } from "./state.ts";

/** What can be known of one part of a stack. */
export interface PartStatus {
  isRunning: boolean;
  isReady: boolean;
  /** Present when it has ended without being asked. `null` when the exit code is not known. */
  exit?: PartExit | null;
  /** Of a worker that has ended like that, as soon as it is known: how it died. */
  death?: Death;
  environment: Environment;
  /** Of a worker that runs under the production limits: what holds. */
  limits?: Enforcement[];
}

/** What the collector has received, as files. */
export interface Telemetry {
  files: TelemetryFiles;
  /** Brings the files up to date, where they are copies. */
  refresh(): Promise<void>;
  /** What went wrong in the collector before now, its last line; `undefined` when nothing did or it cannot be seen. */
  oldError: string | undefined;
  /** Removes copies. */
  close(): Promise<void>;
}

export interface UseOptions {
  /**
   * Meanwhile the worker is the built one under the production limits; then the one that was there comes back, unless it
   * was limited as well. @default {false}
   */
  limited?: boolean;
}

/** Collector, queue store, API and worker, as processes or as containers; the commands know no difference. */
export interface Stack {
  /** The parts that the configuration asks for. */
  parts: string[];
  /** What keeps the jobs, as reports name it. */
  store: string;
  /** Where the API and the worker send their telemetry. */
  collectorUrl: string;
  /** The command that prints the collector's log. */
  logCommand: string;
  /** The command that prints what a part has printed. */
  outputCommand(part: string): string;
  /**
   * Starts what is missing and waits until it is ready; touches nothing that runs. Returns what it started.
   *
   * @throws {UserError} when a part cannot start, a port is taken, or a running part has other settings
   */
  up(progress: Progress): Promise<string[]>;
  /**
   * Does `work` with the stack that is up or, when there is none, with one that ends when nobody uses it any more.
   *
   * @throws {UserError} as `up`; else what `work` throws
   */
  use<T>(progress: Progress, work: () => Promise<T>, options?: UseOptions): Promise<T>;
  /** Ends everything that `up` started. Returns what it ended. */
  down(progress: Progress): Promise<string[]>;
  /** Where the jobs are that outlive the stack, and how to get rid of them; `undefined` when nowhere. */
  whereJobsStay(): Promise<string | undefined>;
  /** Restarts the collector with an empty log and empty files. */
  restartCollector(progress: Progress): Promise<void>;
  /**
   * Replaces the worker, which first finishes its jobs, by the built one under the production limits; starts what else
   * is missing. Returns what holds now.
   *
   * @throws {UserError} as `up`
   */
  limitWorker(progress: Progress): Promise<Enforcement[]>;
  /** By part; a part that was never started is missing. */
  status(): Promise<Record<string, PartStatus>>;
  /** The last lines that a part has printed. */
  output(part: string): Promise<string>;
  telemetry(): Promise<Telemetry>;
  /** Prints the collector's log as it grows, until the signal. */
  followLog(signal: AbortSignal): Promise<void>;
}
