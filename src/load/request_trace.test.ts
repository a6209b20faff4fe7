import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attributes, type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import { JOB_FINAL } from "../telemetry/names.ts";
import { RequestTrace } from "./request_trace.ts";

const GRACE_MS = 60_000;
let spans = 0;

function span(kind: SpanKind, attributes: Attributes = {}, fields: Partial<Span> = {}): Span {
  return {
    ...{ traceId: "", spanId: `span ${++spans}`, parentSpanId: "other", name: "", kind, startNs: 1n, endNs: 2n },
    ...{ attributes: { "messaging.system": "bullmq", "messaging.destination.name": "q", ...attributes } },
    ...{ events: [], links: [], status: { code: StatusCode.UNSET, message: "" }, service: "", resource: {}, scope: "" },
    ...fields,
  };
}

const id = (id: string, more: Attributes = {}) => ({ "messaging.message.id": id, ...more });
const added = (job: string) => span(SpanKind.PRODUCER, id(job));
const attempt = (job: string, final?: boolean, fields: Partial<Span> = {}) => {
  const says = final === undefined ? {} : { [JOB_FINAL]: final };
  return span(SpanKind.CONSUMER, id(job, { "messaging.operation.type": "process", ...says }), fields);
};

/** What a trace says after each of these spans: how it ended, or why it has not. */
function said(...given: ((trace: RequestTrace) => Span)[]): unknown[] {
  const trace = new RequestTrace();
  return given.map((make) => {
    trace.add(make(trace));
    return trace.end(GRACE_MS)?.state ?? trace.why();
  });
}

const answer = ({ spanId }: RequestTrace) => span(SpanKind.SERVER, {}, { parentSpanId: spanId });

test("a RequestTrace waits for the span of the answer, which comes behind those of all jobs that were added", () => {
  assert.deepEqual(
    said(
      () => attempt("1", true),
      () => added("1"),
      () => added("2"),
      answer,
      () => attempt("2", true),
    ),
    [
      "the span of its answer has not arrived",
      "the span of its answer has not arrived",
      "no attempt of the job 2 of the queue q has arrived",
      "no attempt of the job 2 of the queue q has arrived",
      "completed",
    ],
  );
});

test("a RequestTrace knows a final attempt by what the job span says, and says when none does", () => {
  assert.deepEqual(
    said(
      answer,
      () => attempt("1"),
      () => attempt("1", false),
      () => attempt("1", true),
    ),
    [
      "the span of its answer has arrived, and none of a job",
      `no attempt of the job 1 of the queue q says "${JOB_FINAL}"`,
      "the last attempt of the job 1 of the queue q has not arrived",
      "completed",
    ],
  );
});

test("a RequestTrace without the span of the answer ends when nothing more has come for a while, if it has jobs", () => {
  const trace = new RequestTrace();
  trace.add(added("1"));
  assert.equal(trace.end(0), undefined);
  trace.add(attempt("1", true));
  assert.equal(trace.end(0)?.state, "completed");
  assert.equal(trace.end(GRACE_MS), undefined);
  const empty = new RequestTrace();
  empty.add(span(SpanKind.PRODUCER, { "messaging.system": "kafka" }));
  assert.equal(empty.end(0), undefined);
  empty.add(answer(empty));
  assert.deepEqual([empty.end(GRACE_MS), empty.end(0)], [undefined, { state: "no job" }]);
});

test("a RequestTrace counts jobs that were added together, unless each of them has a span too", () => {
  const bulk = (fields: Partial<Span> = {}) => span(SpanKind.PRODUCER, { "messaging.batch.message_count": 2 }, fields);
  assert.deepEqual(
    said(
      answer,
      () => bulk(),
      () => attempt("1", true),
      () => attempt("2", true),
    ).slice(1),
    [
      "the last attempts of 2 jobs that were added together have not arrived",
      "the last attempts of 1 jobs that were added together have not arrived",
      "completed",
    ],
  );
  const below = { parentSpanId: "flow" };
  const states = said(
    () => span(SpanKind.PRODUCER, id("1"), below),
    () => span(SpanKind.PRODUCER, id("2"), below),
    () => bulk({ spanId: "flow" }),
    answer,
    () => attempt("1", true),
    () => attempt("2", true),
  );
  assert.equal(states.at(-1), "completed");
});

test("a RequestTrace without the ids of jobs that were added together ends when some have run and no more come for as long", () => {
  const trace = new RequestTrace();
  trace.add(answer(trace));
  trace.add(span(SpanKind.PRODUCER, { "messaging.batch.message_count": 3 }));
  assert.equal(trace.end(0), undefined); // the first may have a long way to go
  trace.add(attempt("1", true));
  assert.deepEqual([trace.end(0, GRACE_MS), trace.end(0)?.state], [undefined, "completed"]);
  trace.add(attempt("2", true, { endNs: 60_000_000_000n }));
  assert.equal(trace.end(0), undefined); // the next may take as long
});

test("a RequestTrace knows the jobs that were added together by their ids, where the span tells them", () => {
  const trace = new RequestTrace();
  trace.add(answer(trace));
  const ids = { "messaging.batch.message_count": 2, "prodlike.batch.message_ids": ["1", "2", "1"] };
  trace.add(span(SpanKind.PRODUCER, ids, { startNs: 7n }));
  trace.add(attempt("1", true));
  assert.equal(trace.end(0), undefined);
  assert.equal(trace.why(), "no attempt of the job 2 of the queue q has arrived");
  const [[other, addedNs] = ["", 0n]] = trace.unseen;
  assert.deepEqual([trace.unseen.length, addedNs], [1, 7n]);
  trace.leaveToOthers(other);
  assert.equal(trace.end(GRACE_MS)?.state, "completed");
});

test("a RequestTrace tells queues and ids with spaces in them apart", () => {
  const trace = new RequestTrace();
  const of = (queue: string, job: string) => id(job, { "messaging.destination.name": queue });
  trace.add(answer(trace));
  trace.add(span(SpanKind.PRODUCER, of("my queue", "job 7")));
  assert.equal(trace.why(), "no attempt of the job job 7 of the queue my queue has arrived");
  const done = { "messaging.operation.type": "process", [JOB_FINAL]: true };
  trace.add(span(SpanKind.CONSUMER, { ...of("my", "queue job 7"), ...done }));
  assert.equal(trace.end(GRACE_MS), undefined);
  trace.add(span(SpanKind.CONSUMER, { ...of("my queue", "job 7"), ...done }));
  assert.equal(trace.end(GRACE_MS)?.id, "queue job 7");
});

test("a RequestTrace takes no message of another system for a job, nor one that could not be added", () => {
  const kafka = span(SpanKind.PRODUCER, { "messaging.system": "kafka" });
  const refused = span(SpanKind.PRODUCER, id("2"), { status: { code: StatusCode.ERROR, message: "" } });
  const states = said(
    () => kafka,
    () => refused,
    () => added("1"),
    answer,
    () => attempt("1", true),
  );
  assert.equal(states.at(-1), "completed");
});

test("a RequestTrace has failed with the message of the exception of a final attempt", () => {
  const trace = new RequestTrace();
  trace.add(answer(trace));
  const exception = { name: "exception", timeNs: 0n, attributes: { "exception.message": "no disk" } };
  const failed = { status: { code: StatusCode.ERROR, message: "failed" }, endNs: 9_000_500n };
  trace.add(attempt("1", false, { ...failed, events: [{ ...exception, attributes: {} }] }));
  trace.add(attempt("1", true, { ...failed, events: [exception] }));
  trace.add(attempt("2", true));
  assert.deepEqual(trace.end(GRACE_MS), { state: "failed", error: "no disk", id: "1", atMs: 9 });
});
