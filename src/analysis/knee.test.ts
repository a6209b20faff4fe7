import assert from "node:assert/strict";
import { test } from "node:test";
import { findKnee, type SweepStep } from "./knee.ts";
import { seededRandom } from "./random.ts";

/** Jobs of 20 ms on one thread and 80 ms of waiting: five slots fill the thread. */
function ladder(
  concurrencies: number[],
  { jobs = 300, seed = 7, threadMs = 20, waitMs = 80, scatter = 0.2 } = {},
): SweepStep[] {
  const random = seededRandom(seed);
  return concurrencies.map((concurrency) => ({
    concurrency,
    slotMs: Array.from({ length: jobs }, () => {
      const mean = Math.max(threadMs + waitMs, concurrency * threadMs);
      return mean * (1 - scatter + 2 * scatter * random());
    }),
  }));
}

test("findKnee() recommends the least concurrency that fills the thread", () => {
  const { steps, concurrency, from, until, advice } = findKnee(ladder([1, 2, 4, 5, 8, 16, 32]));
  assert.deepEqual([concurrency, from, until], [5, 5, 5]);
  assert.equal(advice, "WORKER_CONCURRENCY=5: more brings less than 5 %");
  for (const { concurrency: slots, perSecond, from: least, until: most } of steps) {
    const truth = Math.min(slots * 10, 50);
    assert.ok(least < truth && truth < most && Math.abs(perSecond / truth - 1) < 0.03, `${slots}: ${perSecond}`);
  }
});

test("findKnee() recommends one slot when a job is all CPU", () => {
  assert.match(findKnee(ladder([1, 2, 4, 8], { waitMs: 0 })).advice, /^WORKER_CONCURRENCY=1: more brings nothing$/);
});

test("findKnee() recommends nothing when other processes had the CPUs in some steps", () => {
  const steps = ladder([1, 2, 4, 5, 8, 16, 32]);
  const shares = (least: number) => steps.map((step, at) => ({ ...step, cpuShare: at === 2 ? least : 0.9 }));
  assert.match(findKnee(shares(0.8)).advice, /^WORKER_CONCURRENCY=5/);
  assert.match(
    findKnee(shares(0.3)).advice,
    /^Nothing can be recommended: the machine .* 30 % of the time at 4 and 90 % at \d+; sweep when it is quiet$/,
  );
});

test("findKnee() recommends nothing when throughput still grows, jobs scatter too much, or there are too few", () => {
  assert.match(findKnee(ladder([1, 2, 3, 4])).advice, /may still grow beyond 4; sweep higher, as LADDER=4,8,16$/);
  const scattered = findKnee(ladder([3, 4, 5, 6, 8, 16], { jobs: 20, scatter: 0.95, seed: 2 }));
  assert.match(scattered.advice, /^Nothing can be recommended: the knee lies between/);
  assert.match(findKnee(ladder([1, 2, 4], { jobs: 19 })).advice, /^Nothing can be recommended: three steps/);
  assert.deepEqual(findKnee([]).steps, []);
});
