import type { Span } from "../otlp/types.ts";
import * as names from "../telemetry/names.ts";

/** Where the time of a job went, in one line, by its job span; empty when that has no ledger. */
export function ledgerLine({ attributes }: Span): string {
  const ms = (name: string) => {
    const value = attributes[name];
    return typeof value === "number" ? value.toFixed(0).replace(/^-0$/, "0") : undefined;
  };
  const run = ms(names.JOB_RUN_MS);
  const cpu = ms(names.JOB_CPU_MS);
  if (run === undefined || cpu === undefined) return "";
  const [wait, throttled] = [ms(names.JOB_WAIT_MS), ms(names.JOB_THROTTLED_MS)];
  const [blocked, blockedMost] = [ms(names.JOB_BLOCKED_MS), ms(names.JOB_BLOCKED_MAX_MS)];
  const parts = [
    `cpu ${cpu}`,
    `garbage ${ms(names.JOB_GC_MS)}`,
    ...(throttled === undefined ? [] : [`throttled about ${throttled}`]),
    `blocked ${blocked === blockedMost ? blocked : `${blocked} to ${blockedMost}`}`,
    `overlapped ${ms(names.JOB_OVERLAPPED_MS)}`,
    `idle ${ms(names.JOB_IDLE_MS)}`,
    `unexplained ${ms(names.JOB_UNEXPLAINED_MS)}`,
  ];
  return `job: ${wait === undefined ? "" : `waited ${wait} ms, then `}ran ${run} ms: ${parts.join(", ")}`;
}
