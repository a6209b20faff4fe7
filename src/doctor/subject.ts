import type { Runtime } from "../settings/runtime.ts";
import type { OptionSource } from "./node_options.ts";

/** A value and the place that sets it. */
export interface Placed<T> {
  where: string;
  value: T;
}

/** One process under production limits, as plain data: all that the linter looks at. */
export interface Subject {
  /** What people call it: `the worker (settings)`, `compose.yaml worker`. */
  name: string;
  runtime: Runtime;
  /** Major version of Node; `undefined`: not known. */
  nodeMajor: number | undefined;
  cpus?: Placed<number>;
  /** Every place that limits the memory, in bytes; the first holds. Empty: no limit. */
  memory: Placed<number>[];
  /** Memory and swap together, in bytes, as Docker counts; `Infinity`: no limit. Absent: Docker's default. */
  memorySwap?: Placed<number>;
  /** Options that reach the process, in the order in which they apply: the image, the container, the command. */
  options: OptionSource[];
  /** Options that are written somewhere and do not reach it: another stage of the Dockerfile, another script. */
  unusedOptions: OptionSource[];
  /** `UV_THREADPOOL_SIZE`, as it is written. */
  threadpool?: Placed<string>;
  /** Jobs at once. */
  concurrency?: Placed<number>;
  /** Memory that one job took in a recorded run. */
  bytesPerJob?: Placed<number>;
  /** Deno sizes its heap by the container (`DENO_USE_CGROUPS`, which Deno's own image sets). */
  denoUsesCgroups?: boolean;
  /** The settings that set old and semi space, when they do: what to set is then said in their names. */
  heapSettings?: { old: string; semi: string };
  /** Swap of the machine; absent: not known. */
  hostSwapBytes?: number;
}

/** One thing that is wrong with the limits: its figures, why it matters, what to set. */
export interface LimitFinding {
  /** In kebab case. */
  rule: string;
  /** The name of the subject. */
  subject: string;
  /** Text with numbers and units. */
  figures: string;
  why: string;
  /** What to set. */
  set: string;
  /** The place to change, when it is known. */
  where?: string;
}

/** A finding before it is known which process it concerns. */
export type Found = Omit<LimitFinding, "subject">;
