/**
 * The jobs whose locks a worker could not renew in time, by its own log lines: it was blocked, or cut off from the store,
 * for longer than BullMQ's `lockDuration`. Such a job is run again while its first run goes on.
 */
export function lostLocks(output: string): string[] {
  const lines = output.split("\n").filter((line) => line.includes('"msg":"review has lost its lock'));
  return [...new Set(lines.flatMap((line) => /"review":"([^"]+)"/.exec(line)?.[1] ?? []))];
}
