import type { PartEvent } from "./protocol.ts";

/** Prints what happens to the parts of the stack, a line each. */
export function partProgress(say: (line: string) => void): (event: PartEvent) => void {
  return ({ part, phase, tookMs }) => {
    const time = tookMs === undefined ? "" : ` (${(tookMs / 1000).toFixed(1)} s)`;
    if (phase === "stray") say(`  ${part.padEnd(10)} is left of an earlier stack`);
    if (phase === "ready") say(`  ${part.padEnd(10)} ready${time}`);
    if (phase === "ending" && part === "worker") say(`  ${part.padEnd(10)} finishes its running jobs`);
    if (phase === "ended") say(`  ${part.padEnd(10)} ended${time}`);
    if (phase === "killed") say(`  ${part.padEnd(10)} killed: it had not ended after${time}`);
  };
}
