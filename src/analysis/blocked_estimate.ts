import { percentilesOf } from "../percentiles.ts";
import type { JobRecord } from "./job_record.ts";

/**
 * How much of the time that may have been `blocked` or `overlapped` probably was `blocked`, as a share, by the attempts of
 * one type; 0 when nothing is open. The ledger knows what `blocked` was at the least and at the most, as nobody sees when
 * an answer came behind a turn of another job. It came evenly within that turn, or, where calls are shorter than the turn,
 * within as long as they take: by half of that `blocked` is less than the most.
 */
export function blockedShare(records: readonly JobRecord[]): number {
  const unsure = records.map(unsureMs).filter((ms) => ms > 0);
  if (unsure.length === 0) return 0;
  const turnMs = unsure.reduce((sum, ms) => sum + ms, 0) / unsure.length;
  // Behind long turns what is sure is only the beginning of a call: the longest are seen whole.
  const callMs = percentilesOf(records.map(surelyWaitedMs)).p95;
  return 1 - Math.min(callMs, turnMs) / turnMs / 2;
}

/** The attempt with that share of its open time booked to `blocked`, and no longer to `overlapped`. */
export function withBlocked(record: JobRecord, share: number): JobRecord {
  const ms = share * unsureMs(record);
  if (ms === 0) return record;
  const { blocked = 0, overlapped = 0 } = record.parts;
  return { ...record, parts: { ...record.parts, blocked: blocked + ms, overlapped: overlapped - ms } };
}

/** Time of others that was `blocked` or not. */
export function unsureMs({ parts: { blocked = 0, overlapped = 0 }, blockedMaxMs = 0 }: JobRecord): number {
  return Math.min(overlapped, Math.max(0, blockedMaxMs - blocked));
}

function surelyWaitedMs(record: JobRecord): number {
  const { idle = 0, overlapped = 0 } = record.parts;
  return idle + overlapped - unsureMs(record);
}
