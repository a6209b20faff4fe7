import { createHash } from "node:crypto";

/**
 * When jobs arrive, in ms since the beginning: at random as independent clients are (a Poisson process), `ratePerSecond`
 * on average, because a constant rate would hide the waiting that bunches of jobs bring. The same for every run, so that
 * two runs differ by the worker alone.
 */
export function* arrivals(ratePerSecond: number): Generator<number> {
  const meanMs = 1_000 / ratePerSecond;
  for (let index = 0, atMs = 0; ; index++) {
    atMs += meanMs * -Math.log(1 - uniform(index));
    yield atMs;
  }
}

/** A number in [0, 1) that looks random, the same for the same index. */
function uniform(index: number): number {
  return createHash("sha256").update(`arrival ${index}`).digest().readUInt32BE() / 2 ** 32;
}
