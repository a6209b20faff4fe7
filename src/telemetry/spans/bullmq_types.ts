import type { BackoffOptions } from "bullmq";

// What is read of BullMQ's objects, of the versions 5 and 6 alike.

/** Options of a job. */
export interface JobOptions {
  delay?: number;
  backoff?: number | BackoffOptions;
  /** How a trace context travels; `omitContext` says that it is not to. */
  telemetry?: { metadata?: string; omitContext?: boolean };
  /** The same as it is stored, where a version does not read it back. */
  tm?: string;
}

export interface Job {
  id?: string;
  name: string;
  opts?: JobOptions;
  timestamp: number;
  processedOn?: number;
  finishedOn?: number | null;
  /** Attempts that have ended, and that have begun. */
  attemptsMade: number;
  attemptsStarted?: number;
}

export interface Queue {
  name: string;
  opts?: { telemetry?: unknown };
}

export interface Worker extends Queue {
  id: string;
  /** The prefix of its keys and the name of its queue. */
  qualifiedName: string;
  concurrency?: number;
  /** Takes no more jobs, and has ended them all. */
  closing?: unknown;
  closed?: boolean;
  opts: {
    telemetry?: unknown;
    concurrency: number;
    lockDuration: number;
    lockRenewTime: number;
    skipLockRenewal?: boolean;
  };
  /** Calls the handler; a subclass may have one of its own. */
  callProcessJob?: unknown;
  /** Where a processor runs that is a file. */
  childPool?: object;
  /** They tell which locks could not be renewed; the versions before them do not know. */
  lockManager?: object;
  scripts?: { extendLocks?: unknown };
  waitUntilReady(): Promise<unknown>;
  on(event: string | symbol, listener: (...args: never[]) => void): unknown;
}

export interface FlowProducer {
  telemetry?: unknown;
}

export interface FlowNode {
  name: string;
  queueName: string;
  opts?: JobOptions;
  children?: FlowNode[];
}

/** What adding a flow returns. */
export interface AddedNode {
  job: Job;
  children?: AddedNode[];
}
