import { lostLocks } from "../death/lost_locks.ts";
import type { Warning } from "./accounting.ts";

/** A line when the worker has lost the locks of jobs since it was started, by what it has printed. */
export function lockWarnings(output: string): Warning[] {
  const jobs = lostLocks(output);
  if (jobs.length === 0) return [];
  return [
    {
      name: "lost lock",
      detail: `the worker could not renew the locks of ${jobs.join(", ")} in time and they were run again: it was blocked, or cut off from the store, for longer than BullMQ's lockDuration`,
      next: "look at what blocks its thread, or raise lockDuration",
    },
  ];
}
