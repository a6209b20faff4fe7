import { percentilesOf } from "../percentiles.ts";
import type { JobRecord } from "./job_record.ts";
import type { JobTypeFacts } from "./job_type.ts";

/**
 * Takes `blocked` of the attempts of a type for what it probably was, and `overlapped` for the rest: the ledger knows
 * what it was at the least and at the most, as nobody sees when an answer came behind a turn of another job. It came evenly
 * within that turn, or, where calls are shorter than the turn, within as long as they take: by half of that `blocked`
 * is less than the most.
 */
export function estimateBlocked(type: JobTypeFacts): void {
  const unsure = type.records.items.map(unsureMs).filter((ms) => ms > 0);
  if (unsure.length === 0) return;
  const turnMs = unsure.reduce((sum, ms) => sum + ms, 0) / unsure.length;
  // Behind long turns what is sure is only the beginning of a call: the longest are seen whole.
  const callMs = percentilesOf(type.records.items.map(surelyWaitedMs)).p95;
  const share = 1 - Math.min(callMs, turnMs) / turnMs / 2;
  for (const { parts, ...record } of type.records.items) {
    const ms = share * unsureMs({ parts, ...record });
    parts.blocked = (parts.blocked ?? 0) + ms;
    parts.overlapped = (parts.overlapped ?? 0) - ms;
  }
  type.shift("overlapped", "blocked", share * type.unsureMs);
}

/** Time of others that was `blocked` or not. */
export function unsureMs({
  parts: { blocked = 0, overlapped = 0 },
  blockedMaxMs = 0,
}: Omit<JobRecord, "path" | "totalMs">): number {
  return Math.min(overlapped, Math.max(0, blockedMaxMs - blocked));
}

function surelyWaitedMs(record: JobRecord): number {
  const { idle = 0, overlapped = 0 } = record.parts;
  return idle + overlapped - unsureMs(record);
}
