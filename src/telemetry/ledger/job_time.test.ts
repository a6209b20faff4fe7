import assert from "node:assert/strict";
import { test } from "node:test";
import { JobTime } from "./job_time.ts";

/** A job that had the thread from 0 to 100 ms, and ended then. */
function endedJob(watch: (job: JobTime) => void): JobTime {
  const job = new JobTime({ nowMs: 0, busyMs: 0, idleMs: 0 });
  watch(job);
  job.ownMs = 100;
  job.end({ nowMs: 100, busyMs: 100, idleMs: 0 });
  return job;
}

test("JobTime counts what the quota took in a pause for garbage as throttled", () => {
  const job = endedJob((job) => {
    job.watchThrottling();
    job.addThrottled({ fromMs: 10, untilMs: 90, ms: 50, periods: 1 });
  });
  job.addPause(20, 2);
  job.addPause(30, 53);
  assert.deepEqual(job.parts(), { ...only(100), cpu: 45, gc: 5, throttled: 50 });
});

test("JobTime leaves a pause for garbage as it is that is shorter than what the quota took, or elsewhere", () => {
  const job = endedJob((job) => {
    job.watchThrottling();
    job.addThrottled({ fromMs: 10, untilMs: 60, ms: 30, periods: 1 });
  });
  job.addPause(20, 20);
  job.addPause(60, 35);
  assert.deepEqual(job.parts(), { ...only(100), cpu: 15, gc: 55, throttled: 30 });
});

test("JobTime knows that the quota took its share in several periods", () => {
  const job = endedJob((job) => {
    job.watchThrottling();
    job.addThrottled({ fromMs: 0, untilMs: 100, ms: 60, periods: 3 });
  });
  job.addPause(20, 22);
  assert.deepEqual(job.parts(), { ...only(100), cpu: 38, gc: 2, throttled: 60 });
});

test("JobTime leaves out what comes behind its end, and what nobody counts", () => {
  const job = endedJob(() => {});
  job.addPause(101, 5);
  job.addThrottled({ fromMs: 101, untilMs: 120, ms: 10, periods: 1 });
  assert.deepEqual(job.parts(), { ...only(100), cpu: 100 });
});

/** The parts of a job that did nothing. */
function only(run: number) {
  const none = {
    cpu: 0,
    gc: 0,
    throttled: undefined,
    offCpu: undefined,
    blocked: 0,
    blockedMax: 0,
    overlapped: 0,
    idle: 0,
    unexplained: 0,
  };
  return { run, ...none };
}
