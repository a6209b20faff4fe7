import assert from "node:assert/strict";
import { test } from "node:test";
import { SpanKind } from "@opentelemetry/api";
import { LIBRARIES, runJobs } from "../../../test/run_jobs.ts";
import { JOB_WAIT_MS, MESSAGING_MESSAGE_ID } from "../names.ts";
import { backoffMs } from "./requeue.ts";

for (const library of LIBRARIES) {
  const what = "a retry waits from its re-queueing on, less its backoff, and has a link to the attempt before";
  test(`${what} (${library.name})`, { skip: library.skip ?? false }, async () => {
    const spans = await runJobs(
      async ({ queue, ended }) => {
        const backoff = { type: "exponential", delay: 700 };
        await queue.add("retried", { failFirst: true, thenAdd: "child" }, { attempts: 2, jobId: "j1", backoff });
        await ended("j1");
        await ended("child");
        await queue.add(
          "random",
          { failFirst: true },
          { attempts: 2, jobId: "j2", backoff: { ...backoff, jitter: 1 } },
        );
        await ended("j2");
      },
      { library, retryAs: "link" },
    );
    const attempts = (id: string) => {
      return spans.filter(
        ({ kind, attributes }) => kind === SpanKind.CONSUMER && attributes[MESSAGING_MESSAGE_ID] === id,
      );
    };
    const [first, second] = attempts("j1");
    assert.ok(first && second);
    assert.ok(Number(second.attributes[JOB_WAIT_MS]) < 700, String(second.attributes[JOB_WAIT_MS]));
    assert.deepEqual(
      second.links.map(({ context }) => context.spanId),
      [first.spanContext().spanId],
    );
    assert.equal(second.parentSpanContext?.spanId, first.parentSpanContext?.spanId);
    // What a retry adds is no retry, and belongs to it.
    const [child] = attempts("child");
    assert.deepEqual([child?.links, child?.spanContext().traceId], [[], second.spanContext().traceId]);
    assert.equal(JOB_WAIT_MS in attempts("j2")[1]!.attributes, false);
  });
}

test("backoffMs() knows what is neither random nor the user's own", () => {
  assert.equal(backoffMs(undefined, 1), 0);
  assert.equal(backoffMs(70, 3), 70);
  assert.equal(backoffMs({ type: "fixed", delay: 70 }, 3), 70);
  assert.equal(backoffMs({ type: "exponential", delay: 70 }, 3), 280);
  assert.equal(backoffMs({ type: "fixed", delay: 70, jitter: 0.5 }, 1), undefined);
  assert.equal(backoffMs({ type: "own" }, 1), undefined);
});
