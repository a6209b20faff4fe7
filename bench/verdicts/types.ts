// What the workloads of the verdicts benchmark are made of.

/** One thing that a job does. */
export type Step =
  /** JavaScript in the function of that name: as much work as takes so many ms on the idle machine. */
  | { cpuMs: number; in?: "hash" | "render" }
  /** HTTP requests, one after the other, to a service that takes `callMs` for each. */
  | { callMs: number; times?: number }
  /** A wait that no span names, in a stage. */
  | { timerMs: number }
  /** Reads so many documents of 200 rows, of which the newest `live` are in use at any time. */
  | { documents: number; live: number }
  /** Makes so many small objects, likewise. */
  | { objects: number; live: number }
  /** Throws in the first attempt of this share of the jobs. */
  | { failing: number }
  /** The sample application's review. */
  | { review: true };

/** How late a slow queue store answers. */
export type StoreMs = 60 | 250;

/** A worker process. */
export interface WorkerSetting {
  concurrency: number;
  /** By the name of the job. */
  types: Record<string, Step[]>;
  /** Flags of Node. */
  flags?: string[];
  /** Its quota, by a cgroup. */
  cpus?: number;
  /** What it keeps in its heap from the start, 10^6 bytes. */
  keptMb?: number;
  /** The queue store answers it so late, ms. */
  storeMs?: StoreMs;
}

/** The jobs that it gets. */
export interface LoadSetting {
  jobs: number;
  /** At random times, whatever the worker does; absent: all at once, or as many as may be under way. */
  ratePerSecond?: number;
  /** The next one is sent when one ends. */
  inFlight?: number;
  /** How often each type comes. @default all alike */
  shares?: Record<string, number>;
  /** Jobs of this type are planned and not sent: another worker has them. */
  without?: string;
  /** CPU time that the load generator takes for each job before it sends it. */
  prepareMs?: number;
}

/** An HTTP API in front of the queue; absent: the load generator enqueues. */
export interface ApiSetting {
  /** What it waits for before it enqueues. */
  callMs?: number;
  /** The queue store answers it so late, ms. */
  storeMs?: StoreMs;
}

export interface Setting {
  worker: WorkerSetting;
  load: LoadSetting;
  api?: ApiSetting;
}

/** A setting with one bottleneck, and the same without it; or one in which nothing is wrong. */
export interface Workload {
  name: string;
  /** Of the finding that has to be the first; `undefined`: there may be none. */
  rule?: string;
  setting: Setting;
  /** With what the finding asks for; what is named takes no time. */
  repaired?: Setting;
  /** Whose p95 is predicted. @default all */
  type?: string;
  /** The functions are wanted. */
  isProfiled?: boolean;
}
