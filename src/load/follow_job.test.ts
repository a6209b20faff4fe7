import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startTestApplication, type TestApplicationOptions } from "../../test/http_application.ts";
import { type FollowOptions, JobFollower } from "./follow_job.ts";
import type { SpanWatchOptions } from "./watch_spans.ts";

async function driven(
  behaviour: TestApplicationOptions,
  { timeoutMs = 20_000, ...options }: FollowOptions & { timeoutMs?: number } = {},
) {
  const application = await startTestApplication(behaviour);
  try {
    const headers = { "x-key": "1", traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-00` };
    const request = { method: "POST", url: `${application.url}/jobs`, headers, body: "{}" };
    const { signal } = new AbortController();
    return { application, job: await new JobFollower(options).drive(request, { timeoutMs, signal }) };
  } finally {
    await application.close();
  }
}

async function withSpans(use: (spans: SpanWatchOptions) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "prodlike-test-"));
  try {
    await use({ traces: join(folder, "traces.jsonl"), refresh: async () => {}, intervalMs: 50, lostMs: 200 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("drive() gives the request a trace of its own that is recorded, and keeps its other headers", async () => {
  const { application, job } = await driven({});
  const [sent] = application.requests;
  const { traceId, spanId } = job.trace;
  assert.match(`${traceId}-${spanId}`, /^(?!1{32})[0-9a-f]{32}-[0-9a-f]{16}$/);
  assert.deepEqual([sent?.traceparent, sent?.["x-key"]], [`00-${traceId}-${spanId}-01`, "1"]);
  assert.deepEqual([job.id, job.state], ["0", "completed"]);
});

test("drive() sees the end at the status address, and in telemetry where there is none", () =>
  withSpans(async (spans) => {
    const failed = () => "failed" as const;
    const byAddress = await driven({ fate: failed, holdsBack: true }, { spans });
    assert.deepEqual(
      [byAddress.job.state, byAddress.job.error, byAddress.application.looks.length],
      [...(["failed", "too large"] as const), 1],
    );
    const bySpan = await driven({ fate: failed, traces: spans.traces }, { spans });
    assert.deepEqual(
      [bySpan.job.state, bySpan.job.error, bySpan.application.looks.length],
      [...(["failed", "too large"] as const), 0],
    );
    assert.equal(bySpan.job.id, "0");
    const none = await driven({ fate: () => "none", traces: spans.traces }, { spans });
    assert.deepEqual([none.job.state, none.job.id], ["no job", none.job.trace.traceId]);
  }));

test("drive() says what is known of a job that does not end", () =>
  withSpans(async (spans) => {
    const stuck = { fate: () => "stuck" as const };
    const late = { timeoutMs: 300 };
    await assert.rejects(driven(stuck, late), {
      name: "DriveError",
      message: 'the job had not ended after 0.3 s: the state of the job 0 was "active"',
    });
    await assert.rejects(driven({ ...stuck, traces: spans.traces }, { spans, ...late }), {
      name: "DriveError",
      message: "the job had not ended after 0.3 s: no attempt of the job 0 of the queue jobs has arrived",
    });
    await assert.rejects(driven({ fate: () => "lost", traces: spans.traces }, { spans }), {
      name: "DriveError",
      message:
        /^no span of its trace [0-9a-f]{32} has arrived \d+ s after the answer of the application: is it observed,/,
    });
    const message = /^POST http:\S+ was answered without a Location to follow$/;
    await assert.rejects(driven({ ...stuck, traces: spans.traces }), { name: "DriveError", message });
    const end = { by: "status address" } as const;
    await assert.rejects(driven({ ...stuck, traces: spans.traces }, { spans, end }), { name: "DriveError", message });
  }));
