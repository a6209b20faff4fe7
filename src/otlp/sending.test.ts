import assert from "node:assert/strict";
import { test } from "node:test";
import { workerPoints } from "../../test/example_worker_facts.ts";
import { Sending } from "./sending.ts";

/** A process that began, and sent, at these seconds. */
type Process = [instance: string, began: number, sent: number[], partId?: string];

function alive(...processes: Process[]): string[] {
  const sending = new Sending();
  for (const [instance, began, sent, partId] of processes)
    for (const second of sent)
      for (const point of workerPoints({
        ...{ instance, began, second, queues: { mails: { concurrency: 1 } } },
        ...(partId === undefined ? {} : { partId }),
      }))
        sending.note(point);
  return [...sending.alive()];
}

const seconds = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test("a process whose event loop a job keeps for 10 s is alive, also when it has sent but once", () => {
  const other: Process = ["other", 1.5, seconds(2, 13)];
  assert.deepEqual(alive(["blocked", 1, [2, 3]], other), ["blocked", "other"]);
  assert.deepEqual(alive(["blocked", 1, [2]], other), ["blocked", "other"]);
  assert.deepEqual(alive(["blocked", 1, [1.2]], other), ["blocked", "other"]); // nothing tells its interval
});

test("a process that is silent for longer has ended", () => {
  assert.deepEqual(alive(["ended", 1, [2, 3]], ["other", 1, seconds(2, 19)]), ["other"]);
});

test("processes that send every minute are alive between their turns", () => {
  assert.deepEqual(alive(["a", 1, [60, 120]], ["b", 2, [62, 122, 182]]), ["a", "b"]);
  assert.deepEqual(alive(["a", 1, [60, 120]], ["ready", 61, [62]]), ["a", "ready"]);
  assert.deepEqual(alive(["a", 1, [60, 120]], ["begins", 122, [123]]), ["a", "begins"]);
  assert.deepEqual(alive(["a", 1, [60, 120]], ["b", 2, [60, 120, 180, 240, 300]]), ["b"]);
});

test("a process that was replaced by another has ended when it misses its turn", () => {
  assert.deepEqual(alive(["a", 1, seconds(2, 9)], ["b", 10.5, [11, 12]]), ["b"]);
  assert.deepEqual(alive(["a", 1, [60, 70]], ["b", 75, [76, 136]]), ["b"]); // it had sent its last points at its end
});

test("an earlier start of a part has ended at once, the processes of one start live side by side", () => {
  assert.deepEqual(alive(["a", 1, [60, 120], "first"], ["b", 121, [121.5], "second"]), ["b"]);
  const start: Process[] = [
    ["b", 10, [11, 12], "second"],
    ["c", 13, seconds(14, 22), "second"],
  ];
  assert.deepEqual(alive(["a", 1, seconds(2, 9), "first"], ...start), ["b", "c"]);
});
