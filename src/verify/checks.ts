import type { DrivenJob } from "../load/follow_job.ts";
import { type Span, SpanKind, StatusCode } from "../otlp/types.ts";
import { MESSAGING_MESSAGE_ID } from "../telemetry/names.ts";

/** One statement, proved or not. */
export interface Check {
  name: string;
  ok: boolean;
  /** What was seen; on failure also what was expected. */
  detail: string;
  /** More of it, a line each. */
  facts?: string[];
  /** The command to type when it failed. */
  next?: string;
  /** It rests on what the collector has stored: of the services, or single spans of the job's trace. */
  rests?: "on telemetry" | "on the trace";
}

/** All that a verification has seen. Plain data: a recorded run gives the same. */
export interface Evidence {
  /** Expected `service.name` values. */
  services: { api: string; worker: string };
  job: DrivenJob;
  /** Every span of the window, of any trace. */
  spans: Span[];
  /** The collector's log in the window. */
  log: string;
  /** What may explain a service that is not seen, by service name. */
  hints: Record<string, string | undefined>;
}

/** The parts of a job's trace. */
export interface JobTrace {
  traceId: string;
  /** Its spans, in no order. */
  spans: Span[];
  producer: Span | undefined;
  consumer: Span | undefined;
}

/** Finds the trace of a job by its id, as context may have been lost on the way: that of its PRODUCER span, else that of its CONSUMER span. */
export function findJobTrace({ spans, job }: Pick<Evidence, "spans" | "job">): JobTrace | undefined {
  const ofJob = spans.filter(({ attributes }) => attributes[MESSAGING_MESSAGE_ID] === job.id);
  const producer = ofJob.find(({ kind }) => kind === SpanKind.PRODUCER);
  // Of several attempts the last.
  const consumer = ofJob.filter(({ kind }) => kind === SpanKind.CONSUMER).at(-1);
  const traceId = (producer ?? consumer)?.traceId;
  if (!traceId) return undefined;
  return { traceId, spans: spans.filter((span) => span.traceId === traceId), producer, consumer };
}

/** What the telemetry proves or disproves about one job, from the spans and, as a second witness, from the log. */
export function checkTelemetry(evidence: Evidence): Check[] {
  const trace = findJobTrace(evidence);
  const ofTrace = [
    oneTrace(evidence, trace),
    edges(evidence, trace),
    kindsAndStatus(evidence, trace),
    noOrphan(evidence, trace),
  ];
  const checks = [
    spansOf(evidence, "api"),
    spansOf(evidence, "worker"),
    ...ofTrace.map((check) => ({ ...check, rests: "on the trace" as const })),
    inTheLog(evidence, "api"),
    inTheLog(evidence, "worker"),
    witnessesAgree(evidence),
  ];
  return checks.map((check) => ({ rests: "on telemetry", ...check }));
}

function spansOf({ spans, services, hints }: Evidence, role: "api" | "worker"): Check {
  const service = services[role];
  const count = spans.filter((span) => span.service === service).length;
  const name = `spans of ${service}`;
  if (count > 0) return { name, ok: true, detail: `${count} arrived` };
  const hint = hints[service];
  return {
    name,
    ok: false,
    detail: `expected at least one, none arrived${hint ? `: ${hint}` : ""}`,
    next: "make otel-logs",
  };
}

function oneTrace({ services, hints }: Evidence, trace: JobTrace | undefined): Check {
  const name = "one trace";
  const { producer, consumer } = trace ?? {};
  if (!producer || !consumer) {
    const missing = [producer ? [] : "PRODUCER span", consumer ? [] : "CONSUMER span"].flat().join(" and no ");
    return {
      name,
      ok: false,
      detail: `expected the job's PRODUCER and CONSUMER spans in one trace, there is no ${missing}`,
    };
  }
  if (producer.traceId === consumer.traceId) return { name, ok: true, detail: producer.traceId };
  const hint = hints[services.worker] ?? hints[services.api];
  const detail = `expected one trace id, the API has ${producer.traceId}, the worker ${consumer.traceId}: the job carried no trace context${hint ? ` (${hint})` : ""}`;
  return { name, ok: false, detail, next: "look at OTEL_PROPAGATORS of both" };
}

function edges({ services }: Evidence, trace: JobTrace | undefined): Check {
  const name = "API -> queue -> worker";
  const fail = (detail: string): Check => ({ name, ok: false, detail });
  if (!trace?.producer) return fail("expected a PRODUCER span of the API for this job, there is none");
  if (!trace.consumer) return fail("expected a CONSUMER span of the worker for this job, there is none");
  const { producer, consumer } = trace;
  const server = ancestors(producer, trace.spans).find(({ kind }) => kind === SpanKind.SERVER);
  if (!server) return fail("expected a SERVER span above the PRODUCER span, there is none");
  if (server.service !== services.api)
    return fail(`expected the SERVER span in ${services.api}, it is in ${server.service}`);
  if (consumer.parentSpanId !== producer.spanId) {
    return fail(
      `expected the CONSUMER span's parent to be the PRODUCER span ${producer.spanId}, it is ${consumer.parentSpanId || "none"}`,
    );
  }
  const stages = trace.spans.filter(({ parentSpanId }) => parentSpanId === consumer.spanId).length;
  return { name, ok: true, detail: `SERVER -> PRODUCER -> CONSUMER -> ${stages} stages` };
}

function kindsAndStatus({ services, job }: Evidence, trace: JobTrace | undefined): Check {
  const name = "kinds and status";
  const wrong: string[] = [];
  const expect = (span: Span | undefined, kind: string, service: string) => {
    if (!span) wrong.push(`no ${kind} span`);
    else if (span.service !== service) wrong.push(`the ${kind} span is in ${span.service}, not in ${service}`);
  };
  expect(trace?.producer, "PRODUCER", services.api);
  expect(trace?.consumer, "CONSUMER", services.worker);
  const failed = (trace?.spans ?? []).filter(({ status }) => status.code === StatusCode.ERROR);
  if (job.state === "completed") {
    for (const span of failed)
      wrong.push(`${span.name} has status ERROR${span.status.message ? ` (${span.status.message})` : ""}`);
  } else if (trace?.consumer && trace.consumer.status.code !== StatusCode.ERROR) {
    wrong.push("the job failed, its span has no status ERROR");
  }
  if (wrong.length) return { name, ok: false, detail: wrong.join("; ") };
  return {
    name,
    ok: true,
    detail: job.state === "completed" ? "no span has status ERROR" : "the job span has status ERROR, as the job failed",
  };
}

function noOrphan({ job }: Evidence, trace: JobTrace | undefined): Check {
  const name = "no orphan";
  if (!trace) return { name, ok: false, detail: "expected a trace of this job, there is none" };
  const ids = new Set([job.trace.spanId, ...trace.spans.map(({ spanId }) => spanId)]); // the request has no span itself
  const orphans = trace.spans.filter(({ parentSpanId }) => parentSpanId && !ids.has(parentSpanId));
  if (orphans.length === 0) return { name, ok: true, detail: `every parent of ${trace.spans.length} spans is there` };
  return {
    name,
    ok: false,
    detail: `expected every parent in the trace, missing for ${orphans.map((span) => span.name).join(", ")}`,
  };
}

function inTheLog({ log, services, hints }: Evidence, role: "api" | "worker"): Check {
  const service = services[role];
  const name = `${service} in the log`;
  const line = lineOf(log, service);
  if (line) return { name, ok: true, detail: line };
  const hint = hints[service];
  return {
    name,
    ok: false,
    detail: `expected a line with service.name=${service}, there is none${hint ? `: ${hint}` : ""}`,
    next: "make otel-logs",
  };
}

function witnessesAgree({ spans, log, services }: Evidence): Check {
  const name = "witnesses agree";
  const wrong: string[] = [];
  for (const service of [services.api, services.worker]) {
    const stored = spans.some((span) => span.service === service);
    const logged = lineOf(log, service) !== undefined;
    if (stored && !logged) wrong.push(`${service} is in traces.jsonl, not in collector.log`);
    if (logged && !stored) wrong.push(`${service} is in collector.log, not in traces.jsonl`);
  }
  if (wrong.length === 0) return { name, ok: true, detail: "traces.jsonl and collector.log name the same services" };
  return { name, ok: false, detail: wrong.join("; "), next: "make otel-restart" };
}

/** The grep: the first line that names the service as one that sent spans; it sends metrics too. */
function lineOf(log: string, service: string): string | undefined {
  return log.split("\n").find((line) => {
    const words = line.split(/\s+/);
    return words.includes("ResourceTraces") && words.includes(`service.name=${service}`);
  });
}

function ancestors(span: Span, spans: Span[]): Span[] {
  const byId = new Map(spans.map((each) => [each.spanId, each]));
  const found: Span[] = [];
  for (let above = byId.get(span.parentSpanId); above && !found.includes(above); above = byId.get(above.parentSpanId)) {
    found.push(above);
  }
  return found;
}
