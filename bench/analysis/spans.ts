import { seededRandom } from "../../src/analysis/random.ts";
import type { KeyValue, OtlpSpan, TracesRequest } from "../../src/otlp/otlp_json.ts";
import { SpanKind } from "../../src/otlp/types.ts";

/** Jobs that run at once, so that their traces are interleaved. */
const AT_ONCE = 50;
const BATCH = 512;
const SPANS_PER_JOB = 8;
const TYPES = ["review", "mail", "thumbnail", "invoice"];

/** A run as its collector stores it: requests of the API and of the worker, jobs of four types with eight spans each. */
export function* requestsOf(spans: number): Generator<TracesRequest> {
  const random = seededRandom(7);
  const pending: Record<"api" | "worker", OtlpSpan[]> = { api: [], worker: [] };
  for (let job = 0; job < spans / SPANS_PER_JOB; job++) {
    const traceId = hex(job + 1, 32);
    const startMs = 1.8e12 + Math.floor(job / AT_ONCE) * 100 + (job % AT_ONCE);
    const cpuMs = 5 + 20 * random();
    const idleMs = 20 + 200 * random() ** 3;
    const type = TYPES[job % TYPES.length]!;
    const id = (index: number) => hex(job * SPANS_PER_JOB + index + 1, 16);
    const make = (
      index: number,
      parent: number,
      span: { name: string; kind: number; from: number; ms: number; attributes: object },
    ): OtlpSpan => ({
      ...{ traceId, spanId: id(index), ...(parent < 0 ? {} : { parentSpanId: id(parent) }), flags: 257 },
      ...{ name: span.name, kind: span.kind as OtlpSpan["kind"] & number },
      ...{ startTimeUnixNano: nanos(startMs + span.from), endTimeUnixNano: nanos(startMs + span.from + span.ms) },
      ...{ attributes: list(span.attributes), status: {} },
    });
    const http = {
      "http.request.method": "POST",
      "url.scheme": "http",
      "server.address": "127.0.0.1",
      "server.port": 3001,
      "url.path": `/${type}s`,
      "http.response.status_code": 202,
      "http.route": `/${type}s`,
      "user_agent.original": "node",
      "network.protocol.version": "1.1",
    };
    const messaging = {
      "messaging.system": "bullmq",
      "messaging.destination.name": "work",
      "bullmq.job.name": type,
      "messaging.message.id": String(job),
    };
    pending.api.push(
      make(1, 0, {
        name: `add work.${type}`,
        kind: SpanKind.PRODUCER,
        from: 2,
        ms: 3,
        attributes: { ...messaging, "messaging.operation.type": "send", "prodlike.span.cpu_ms": 1.2 },
      }),
      make(0, -1, {
        name: `POST /${type}s`,
        kind: SpanKind.SERVER,
        from: 0,
        ms: 6,
        attributes: { ...http, "prodlike.span.cpu_ms": 2.1 },
      }),
    );
    const runMs = cpuMs + idleMs;
    const ledger = {
      wait_ms: 4,
      run_ms: runMs,
      cpu_ms: cpuMs * 0.95,
      gc_ms: cpuMs * 0.05,
      blocked_ms: 0,
      blocked_max_ms: 1,
      overlapped_ms: idleMs * 0.3,
      idle_ms: idleMs * 0.7,
      unexplained_ms: 0,
    };
    const stage = (index: number, from: number, ms: number) =>
      make(index, 2, {
        name: `${type}.stage ${index}`,
        kind: SpanKind.INTERNAL,
        from: 10 + from,
        ms,
        attributes: { "prodlike.span.cpu_ms": ms * 0.2, "stage.items": 3 },
      });
    const query = (index: number, from: number, ms: number) =>
      make(index, 2, {
        name: "SELECT items",
        kind: SpanKind.CLIENT,
        from: 10 + from,
        ms,
        attributes: {
          "db.system.name": "postgresql",
          "db.operation.name": "SELECT",
          "db.collection.name": "items",
          "server.address": "db",
          "server.port": 5432,
          "prodlike.span.cpu_ms": 0.1,
        },
      });
    const fifth = runMs / 5;
    pending.worker.push(
      ...[
        stage(3, 0, fifth),
        query(4, fifth, fifth),
        query(5, 2 * fifth, fifth),
        stage(6, 3 * fifth, fifth),
        stage(7, 4 * fifth, fifth),
      ],
      make(2, 1, {
        ...{ name: "process work", kind: SpanKind.CONSUMER, from: 9, ms: runMs + 2 },
        attributes: {
          ...messaging,
          "messaging.operation.type": "process",
          "messaging.operation.name": "process",
          "messaging.client.id": "1ea4262f-4939-488c-83cc-334d59ca6a3d",
          "bullmq.job.attempts.made": 1,
          "prodlike.span.cpu_ms": cpuMs / 2,
          ...Object.fromEntries(Object.entries(ledger).map(([part, ms]) => [`prodlike.job.${part}`, ms])),
        },
      }),
    );
    for (const [service, batch] of Object.entries(pending))
      if (batch.length >= BATCH) yield request(service, batch.splice(0));
  }
  for (const [service, batch] of Object.entries(pending)) if (batch.length) yield request(service, batch);
}

function request(service: string, spans: OtlpSpan[]): TracesRequest {
  const attributes = list({ "service.name": service, "service.instance.id": `${service}-1`, "process.pid": 4711 });
  return { resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: "bench" }, spans }] }] };
}

function list(attributes: object): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => {
    if (typeof value === "string") return { key, value: { stringValue: value } };
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
  });
}

const hex = (number: number, digits: number) => number.toString(16).padStart(digits, "0");
const nanos = (ms: number) => String(BigInt(Math.round(ms * 1e3)) * 1_000n);
