import { type Job, UnrecoverableError } from "bullmq";
import type { Config } from "../settings/config.ts";
import { UserError } from "../terminal/user_error.ts";
import { openReviewRoot } from "./review/repository.ts";
import { createReviewer, type Review, type ReviewJob } from "./review/review.ts";
import { readReviewJob } from "./review_job.ts";
import { openReviewWorker } from "./review_queue.ts";
import type { Service, ServiceOptions } from "./run_service.ts";
import { closeStore } from "./store_watch.ts";

/**
 * Starts the worker, which reviews `config.workerConcurrency` pull requests at once. `close()` takes no more jobs,
 * finishes those that run, and closes the connections.
 *
 * @throws {UserError} when a setting is missing or the queue store does not answer
 */
export async function startWorker(config: Config, { log, signal }: ServiceOptions): Promise<Service> {
  const { queueUrl: url, workerConcurrency: concurrency } = config;
  if (!url) {
    throw new UserError("Cannot start the worker: QUEUE_URL is not set, the address of a queue store is wanted", {
      next: "make otel-up",
    });
  }
  const review = createReviewer(await openReviewRoot(config));
  const running = new Map<Promise<unknown>, string | undefined>(); // with the ids of the jobs

  async function processJob(job: Job<ReviewJob, Review>): Promise<Review> {
    const result = loggedReview(job);
    running.set(result, job.id);
    try {
      return await result;
    } catch (err) {
      if (err instanceof UserError || err instanceof UnrecoverableError) throw err;
      // The reason is shown to clients, and an unexpected one may name anything.
      throw new Error("Cannot finish the review: an unexpected error, the log of the worker has its details");
    } finally {
      running.delete(result);
    }
  }

  async function loggedReview(job: Job<ReviewJob, Review>): Promise<Review> {
    const started = performance.now();
    const ended = () => ({ review: job.id, durationMs: Math.round(performance.now() - started) });
    try {
      const data = readReviewJob(job.data);
      log.info({ review: job.id, ...data }, "review started");
      const result = await review(data);
      const { files, findings } = result.summary;
      log.info({ ...ended(), files, findings }, "review completed");
      return result;
    } catch (err) {
      log.error({ ...ended(), err }, "review failed");
      throw err;
    }
  }

  const stopping = new AbortController();
  const worker = await openReviewWorker(processJob, {
    url,
    log,
    signal: AbortSignal.any([signal, stopping.signal]),
    concurrency,
  });
  worker.on("stalled", (review) => log.warn({ review }, "review is retried: its worker died or lost its lock"));
  worker.on("lockRenewalFailed", (ids) => {
    // Those of jobs that ended at this moment are gone for a good reason.
    const lost = ids.filter((id) => [...running.values()].includes(id));
    for (const review of lost) log.warn({ review }, "review has lost its lock: it is run again, here or elsewhere");
  });
  worker.run().catch((err) => log.error({ err }, "worker stopped"));

  return {
    async close() {
      stopping.abort();
      await closeStore(worker, running);
    },
  };
}
