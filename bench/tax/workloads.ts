// What the jobs of the tax benchmark do.
import type { Job } from "bullmq";

type Work = (job: Job) => Promise<unknown>;

/** The processor of the jobs, whose names say what they do; `turns` are those of "cpu-5ms", and the mean of "scattered". */
export function createWork(turns: number): Work {
  optimize();
  let review: Promise<Work> | undefined;
  return async (job) => {
    if (job.name === "cpu-5ms") return spin(turns);
    // As no two jobs are alike: from three to five quarters of it, a standard deviation of 14 %.
    if (job.name === "scattered") return spin(Math.round(turns * (0.75 + 0.5 * Math.random())));
    if (job.name !== "review") return undefined;
    review ??= loadReview();
    return (await review)(job);
  };
}

async function loadReview(): Promise<Work> {
  const { createReviewer } = await import("../../src/app/review/review.ts");
  const { openReviewRoot } = await import("../../src/app/review/repository.ts");
  const { readSampleSettings } = await import("../../src/app/settings.ts");
  const review = createReviewer(await openReviewRoot(readSampleSettings()));
  return (job) => review(job.data);
}

/** So many turns of `spin` take `ms`: then all jobs do the same work, however fast the machine is at the moment. */
export function turnsOf(ms: number): number {
  optimize();
  const tries = Array.from({ length: 10 }, () => {
    const began = performance.now();
    spin(5e6);
    return performance.now() - began;
  });
  return Math.round((ms * 5e6) / Math.min(...tries));
}

/** Has `spin` compiled for good: a loop that is entered once stays several times as slow until it is called again and again. */
function optimize(): void {
  for (let i = 0; i < 50_000; i++) spin(200);
}

function spin(turns: number): number {
  let x = 1;
  for (let i = 0; i < turns; i++) x = (x * 31 + i) | 0;
  return x;
}
