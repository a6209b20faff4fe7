import assert from "node:assert/strict";
import { test } from "node:test";
import { workerPoints } from "../../test/example_worker_facts.ts";
import { readWorkerFacts } from "./read_worker_facts.ts";

const MB = 2 ** 20;
const service = "worker";

test("readWorkerFacts() sums the concurrency over queues and processes, and takes the shortest lock with its renewal", async () => {
  const mails = { concurrency: 8, lockSeconds: 30, renewSeconds: 15 };
  const points = [
    ...workerPoints({
      instance: "a",
      second: 1,
      queues: { mails, reports: { concurrency: 1, lockSeconds: 5, renewSeconds: 2 } },
    }),
    ...workerPoints({ instance: "b", second: 2, queues: { mails } }),
    ...workerPoints({ instance: "other", second: 2, service: "api", queues: { mails } }),
  ];
  assert.deepEqual(await readWorkerFacts(points, { service }), {
    processes: 2,
    concurrency: 17,
    lockDurationMs: 5_000,
    lockRenewMs: 2_000,
    queues: {
      mails: { concurrency: 16, lockDurationMs: 30_000, lockRenewMs: 15_000 },
      reports: { concurrency: 1, lockDurationMs: 5_000, lockRenewMs: 2_000 },
    },
    lostLocks: 0,
    isReady: true,
    heapLimitBytes: 448 * MB,
    cpuLimit: 0.5,
    memoryLimitBytes: 512 * MB,
    command: "/app/dist/worker.js",
  });
});

test("readWorkerFacts() tells nothing that was not sent", async () => {
  const none = {
    processes: undefined,
    concurrency: undefined,
    lockDurationMs: undefined,
    lockRenewMs: undefined,
    queues: {},
  };
  const unknown = { lostLocks: undefined, isReady: undefined, heapLimitBytes: undefined, command: undefined };
  const nothing = { ...none, ...unknown, cpuLimit: undefined, memoryLimitBytes: undefined };
  assert.deepEqual(await readWorkerFacts([], { service }), nothing);
  // A worker without a queue library: its memory and its heap alone.
  const [heap] = workerPoints({ instance: "a", second: 1, queues: {} });
  assert.deepEqual(await readWorkerFacts([{ ...heap!, resource: {} }], { service }), {
    ...nothing,
    heapLimitBytes: 448 * MB,
  });
});

test("readWorkerFacts() leaves out a process that has ended, and of one process takes what it sent last", async () => {
  const of = (instance: string, second: number, concurrency: number, extra = {}) =>
    workerPoints({ instance, second, queues: { mails: { concurrency } }, ...extra });
  const points = [
    ...of("replaced", 8, 4),
    ...of("replaced", 9, 4),
    ...of("new", 13, 7, { isReady: false, began: 12 }),
    ...of("new", 12, 6, { began: 12 }), // was sent late
    ...of("slow", 1, 100),
    ...of("slow", 7, 100), // once in 6 s: its next turn is at 13
  ];
  const { concurrency, processes, isReady } = await readWorkerFacts(points, { service });
  assert.deepEqual([concurrency, processes, isReady], [107, 2, false]);
  const first = await readWorkerFacts(points, { service, untilMs: 9_000 });
  assert.deepEqual([first.concurrency, first.isReady], [104, true]);
  // The last process of all counts, however long ago it ended.
  const one = await readWorkerFacts(points, { service, resource: { "process.pid": "pid of replaced" } });
  assert.equal(one.concurrency, 4);
});

test("readWorkerFacts() leaves out queues of which a process has closed its workers", async () => {
  const closed = { concurrency: 0, lockSeconds: 5, renewSeconds: 2, lostLocks: 1 };
  const points = [
    ...workerPoints({ instance: "a", second: 1, queues: { mails: { concurrency: 4 }, reports: closed } }),
    ...workerPoints({ instance: "b", second: 1, queues: { mails: closed }, isReady: false }),
  ];
  const { queues, concurrency, processes, isReady, lostLocks } = await readWorkerFacts(points, { service });
  assert.deepEqual([Object.keys(queues), concurrency, processes, isReady, lostLocks], [["mails"], 4, 1, true, 2]);
});

test("readWorkerFacts() counts lost locks since each process began, or since the window did", async () => {
  const of = (second: number, lostLocks: number) =>
    workerPoints({ instance: "a", second, queues: { mails: { concurrency: 1, lostLocks } } });
  const points = [...of(5, 2), ...of(6, 2), ...of(7, 5)];
  const lost = async (options: object) => (await readWorkerFacts(points, { service, ...options })).lostLocks;
  assert.equal(await lost({}), 5);
  assert.equal(await lost({ sinceMs: 6_500 }), 3);
  assert.equal(await lost({ sinceMs: 2_000 }), undefined); // how many there were before is not known
});
