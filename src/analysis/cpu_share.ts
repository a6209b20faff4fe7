import { CPU_OF_THREAD } from "./laws.ts";
import type { Report } from "./report.ts";

/** Beyond this share of its JavaScript it is a job's quota that takes the CPU away, and belongs to what is compared. */
const THROTTLED = 0.1;

/**
 * For how much of the time in which it was busy the main thread had a CPU: it differs between runs when the machine was busy
 * with other things. `undefined` where that is not known, or the quota is why.
 */
export function cpuShareOf({ jobs, laws }: Pick<Report, "jobs" | "laws">): number | undefined {
  const isThrottled = jobs.some(
    ({ parts: { cpu, throttled } }) => (throttled?.mean ?? 0) > THROTTLED * (cpu?.mean ?? 0),
  );
  const law = laws?.find(({ name }) => name === CPU_OF_THREAD);
  return isThrottled || !law ? undefined : law.measured / law.expected;
}

/** What is said of the shares, from the first to the second; `undefined` when they differ by less than `most`, a ratio. */
export function differentMachine(
  [a, b]: readonly [{ share: number | undefined; name: string }, { share: number | undefined; name: string }],
  most: number,
): string | undefined {
  if (a.share === undefined || b.share === undefined) return undefined;
  if (Math.abs(Math.log(b.share / a.share)) <= Math.log(1 + most)) return undefined;
  const percent = (share: number) => `${Math.round(100 * share)} %`;
  return `the machine was not the same: the busy main thread had a CPU for ${percent(a.share)} of the time ${a.name} and ${percent(b.share)} ${b.name}`;
}
