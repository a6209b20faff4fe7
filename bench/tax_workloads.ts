// What the jobs of the tax benchmark do.
import { performance } from "node:perf_hooks";
import type { Job } from "bullmq";

/** The processor of a workload; `turns` are those of "cpu-5ms". */
export async function createWork(workload: string, turns: number): Promise<(job: Job) => Promise<unknown>> {
  if (workload === "no-op") return async () => {};
  if (workload === "cpu-5ms") return async () => spin(turns);
  const { createReviewer } = await import("../src/app/review/review.ts");
  const { openReviewRoot } = await import("../src/app/review/repository.ts");
  const { loadConfig, readEnvironment } = await import("../src/config.ts");
  const review = createReviewer(await openReviewRoot(loadConfig(readEnvironment())));
  return (job) => review(job.data);
}

/** So many turns of `spin` take `ms`: then all jobs do the same work, however fast the machine is at the moment. */
export function turnsOf(ms: number): number {
  spin(1e6);
  const began = performance.now();
  spin(5e6);
  return Math.round((ms * 5e6) / (performance.now() - began));
}

function spin(turns: number): number {
  let x = 1;
  for (let i = 0; i < turns; i++) x = (x * 31 + i) | 0;
  return x;
}
