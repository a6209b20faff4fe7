import assert from "node:assert/strict";
import { test } from "node:test";
import { type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import { checkTelemetry, type Evidence } from "./checks.ts";
import { drawWaterfall } from "./waterfall.ts";

const [TRACE, OTHER] = ["1".repeat(32), "2".repeat(32)];

function span(name: string, spanId: string, parentSpanId: string, kind: SpanKind, fields: Partial<Span> = {}): Span {
  const service = kind === SpanKind.SERVER || kind === SpanKind.PRODUCER ? "prodlike-api" : "prodlike-worker";
  const attributes = kind === SpanKind.PRODUCER || kind === SpanKind.CONSUMER ? { "messaging.message.id": "42" } : {};
  const times = { startNs: 1_000_000n * BigInt(spanId), endNs: 10_000_000n };
  const status = { code: StatusCode.UNSET, message: "" };
  return {
    traceId: TRACE,
    spanId,
    parentSpanId,
    name,
    kind,
    service,
    attributes,
    ...times,
    status,
    resource: {},
    scope: "",
    events: [],
    links: [],
    ...fields,
  };
}

const job: Evidence["job"] = {
  id: "42",
  state: "completed",
  requestMs: 1,
  totalMs: 2,
  trace: { traceId: TRACE!, spanId: "0" },
};

/** The proof: SERVER -> PRODUCER -> CONSUMER -> stage. */
function evidence(change: (spans: Span[]) => void = () => {}, fields: Partial<Evidence> = {}): Evidence {
  const spans = [
    span("POST /reviews", "1", "0", SpanKind.SERVER),
    span("add reviews", "2", "1", SpanKind.PRODUCER),
    span("process reviews", "3", "2", SpanKind.CONSUMER),
    span("review.lint", "4", "3", SpanKind.INTERNAL),
  ];
  change(spans);
  return {
    services: { api: "prodlike-api", worker: "prodlike-worker" },
    job,
    spans,
    log: "Traces\nResourceTraces #0 service.name=prodlike-api a=b\nResourceTraces #0 service.name=prodlike-worker\n",
    hints: {},
    ...fields,
  };
}

const failed = (given: Evidence) =>
  checkTelemetry(given).flatMap(({ name, ok, detail }) => (ok ? [] : [`${name}: ${detail}`]));

test("checkTelemetry() proves a whole trace", () => {
  assert.deepEqual(failed(evidence()), []);
});

test("checkTelemetry() disproves each statement by itself", () => {
  const cases: [Evidence, string[]][] = [
    [
      evidence((spans) => spans.push(span("review.diff", "5", "99", SpanKind.INTERNAL))),
      ["no orphan: expected every parent in the trace, missing for review.diff"],
    ],
    [
      evidence((spans) => Object.assign(spans[3]!, { status: { code: StatusCode.ERROR, message: "no git" } })),
      ["kinds and status: review.lint has status ERROR (no git)"],
    ],
    [
      evidence((spans) => Object.assign(spans[2]!, { parentSpanId: "1" })),
      ["API -> queue -> worker: expected the CONSUMER span's parent to be the PRODUCER span 2, it is 1"],
    ],
    [
      evidence((spans) => Object.assign(spans[0]!, { kind: SpanKind.INTERNAL })),
      ["API -> queue -> worker: expected a SERVER span above the PRODUCER span, there is none"],
    ],
    [
      evidence(() => {}, {
        log: "ResourceTraces #0 service.name=prodlike-api\nResourceTraces #0 service.name=prodlike-worker-2\n",
      }),
      [
        "prodlike-worker in the log: expected a line with service.name=prodlike-worker, there is none",
        "witnesses agree: prodlike-worker is in traces.jsonl, not in collector.log",
      ],
    ],
    [
      evidence(() => {}, { job: { ...job, state: "failed", error: "x" } }),
      ["kinds and status: the job failed, its span has no status ERROR"],
    ],
  ];
  for (const [given, expected] of cases) assert.deepEqual(failed(given), expected);
});

test("checkTelemetry() says that the job's context was not carried, with what may explain it", () => {
  const given = evidence(
    (spans) => {
      for (const each of spans.slice(2)) each.traceId = OTHER!;
      spans[2]!.parentSpanId = "";
    },
    { hints: { "prodlike-worker": "the worker runs with OTEL_PROPAGATORS=none" } },
  );
  const [first] = failed(given);
  assert.match(
    first!,
    /^one trace: expected one trace id.*carried no trace context \(the worker runs with OTEL_PROPAGATORS=none\)$/,
  );
});

test("checkTelemetry() names a service that is silent, once for each witness", () => {
  const given = evidence((spans) => spans.splice(2), {
    log: "ResourceTraces #0 service.name=prodlike-api\nResourceMetrics #0 service.name=prodlike-worker\n",
    hints: { "prodlike-worker": "why" },
  });
  assert.deepEqual(
    failed(given).filter((text) => text.includes("why")),
    [
      "spans of prodlike-worker: expected at least one, none arrived: why",
      "prodlike-worker in the log: expected a line with service.name=prodlike-worker, there is none: why",
    ],
  );
});

test("drawWaterfall() draws children below their parent, and orphans as roots", () => {
  const spans = [...evidence().spans].reverse();
  const drawn = drawWaterfall(spans, { columns: 100, paint: (_style, text) => text });
  assert.deepEqual(
    drawn.split("\n").map((line) => line.slice(14, 14 + 21).trimEnd()),
    ["POST /reviews", "└─ add reviews", "   └─ process reviews", "      └─ review.lint"],
  );
  assert.match(drawn, /^ {6}0\.0 ms {2}POST \/reviews +█+ +9\.0 ms {2}prodlike-api SERVER$/m);
  assert.equal(drawWaterfall([], { columns: 80, paint: (_style, text) => text }), "");
});
