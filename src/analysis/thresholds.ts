/** A figure that a rule compares with, and why it is that one. docs/verdicts.md shows this table; a test compares the two. */
export interface Threshold {
  value: number;
  unit: string;
  source: string;
}

const choice = "a choice: below it a repair would hardly be felt";

export const THRESHOLDS = {
  leastJobs: { value: 10, unit: "attempts", source: "a choice: a p95 of fewer is their maximum" },
  lostSpans: { value: 0.01, unit: "of spans", source: "a choice: fewer move a p95 less than the next run does" },
  waiting: { value: 0.25, unit: "of total", source: choice },
  waitingMs: { value: 20, unit: "ms", source: "two round trips of PostgreSQL as a queue store, 7 to 26 ms each" },
  threadSaturated: {
    value: 0.8,
    unit: "busy",
    source: "M/M/1: at 0.8 a job waits for the thread four times as long as it uses it",
  },
  threadHasRoom: { value: 0.7, unit: "busy", source: "M/M/1: below it the queue is shorter than 2.4 jobs" },
  slotsSaturated: {
    value: 0.75,
    unit: "of slots",
    source: "a window has a beginning and an end in which slots are empty",
  },
  partOfRun: { value: 0.5, unit: "of the run", source: "a choice: more than all else together" },
  partOfTotal: { value: 0.2, unit: "of total", source: choice },
  wasteOfTotal: { value: 0.1, unit: "of total", source: "a choice: half of what a part of useful work has to be" },
  longCpuMs: {
    value: 100,
    unit: "ms of CPU a job",
    source: "RAIL: a thread that is busy for 100 ms is felt by all it serves",
  },
  suspect: { value: 0.25, unit: "of CPU time", source: "a choice: less is one of many" },
  wasteOfCpu: {
    value: 0.2,
    unit: "of thread time",
    source: "a fifth lost to garbage, quota or failures is no property of the code's own work any more",
  },
  garbageOfCpu: {
    value: 0.15,
    unit: "of thread time",
    source: "three times the 5 % that is usual for a server (the JVM's GCTimeRatio aims at 1 to 8 %)",
  },
  throttledOfCpu: { value: 0.15, unit: "of thread time", source: choice },
  throttledPeriods: { value: 0.1, unit: "of periods", source: "as in `make verify`" },
  blockedMs: { value: 20, unit: "ms a job", source: "one look of the event-loop timer" },
  longBlockMs: { value: 100, unit: "ms", source: "RAIL, as above" },
  lockMs: { value: 30_000, unit: "ms", source: "BullMQ's default lockDuration; it renews a lock at half of it" },
  heavierNeighbour: { value: 3, unit: "times the CPU of the job", source: "a choice: then it is another kind of work" },
  tooManySlots: {
    value: 2,
    unit: "times what saturates the thread",
    source: "(thread + rest) / thread jobs keep the thread busy; twice that covers jobs that differ",
  },
  blockedOfRun: { value: 0.3, unit: "of the run", source: choice },
  slowCallMs: { value: 100, unit: "ms at p50", source: "ten times a query over a local network" },
  slowWaitMs: {
    value: 250,
    unit: "ms a job",
    source: "a choice; more than for a call, as what it waits for is not known",
  },
  repeatedCalls: {
    value: 10,
    unit: "siblings",
    source: "as detectors of N+1 queries count: more than a page of a list is rarely meant",
  },
  retriedAttempts: { value: 0.05, unit: "of attempts", source: "a choice: one job in twenty" },
  storeMs: {
    value: 50,
    unit: "ms at p50",
    source: "twice the slowest idle round trip of PostgreSQL as a queue store, 26 ms",
  },
  requestMs: { value: 200, unit: "ms at p50", source: "a choice: an answer with 202 does no work" },
  heapUsed: { value: 0.85, unit: "of the heap limit", source: "V8 collects harder and harder from there on" },
  heapUsedThrashing: {
    value: 0.7,
    unit: "of the heap limit",
    source:
      "with collections of the whole heap that take `garbageOfCpu`: the limit has the empty young generation in it",
  },
  memoryUsed: { value: 0.9, unit: "of the memory limit", source: "the rest is what a collection needs for itself" },
  lateness: { value: 0.1, unit: "of the p50 of total", source: "a choice: an error of a tenth in what is measured" },
  latenessMs: { value: 50, unit: "ms at p95", source: "2.5 looks of the event-loop timer" },
  lawError: { value: 0.2, unit: "of the expected", source: "metrics are read once a second" },
} as const satisfies Record<string, Threshold>;

/** The figure of a threshold. */
export const limit = (name: keyof typeof THRESHOLDS): number => THRESHOLDS[name].value;
