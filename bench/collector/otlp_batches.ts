import { context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

/** One export of spans in both encodings. */
export interface Batch {
  json: Buffer;
  protobuf: Buffer;
}

/**
 * Batches of `spans` spans each, as the SDK's exporters would send them: jobs of a queue with their HTTP request, enqueue
 * and stages. No two batches share an id.
 */
export async function makeBatches(count: number, spans: number): Promise<Batch[]> {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": "bench-worker",
      "service.instance.id": "5f1d7c0a-7d0b-4d0c-9a40-3a9f4d0f2a11",
      "process.pid": 4242,
      "telemetry.sdk.language": "nodejs",
    }),
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });
  const tracer = provider.getTracer("bench", "1.0.0");
  const within = (parent: Span) => trace.setSpan(context.active(), parent);
  const batches: Batch[] = [];
  for (let batch = 0; batch < count; batch++) {
    for (let job = 0; exporter.getFinishedSpans().length < spans; job++) {
      const request = tracer.startSpan("POST /reviews", {
        kind: SpanKind.SERVER,
        attributes: {
          "http.request.method": "POST",
          "http.route": "/reviews",
          "http.response.status_code": 202,
          "network.peer.address": "127.0.0.1",
          "server.port": 3001,
          "url.path": "/reviews",
          "url.scheme": "http",
          "user_agent.original": "node",
        },
      });
      const messaging = { "messaging.system": "bullmq", "messaging.destination.name": "reviews" };
      const id = `${batch}-${job}`;
      const add = tracer.startSpan(
        "add reviews",
        { kind: SpanKind.PRODUCER, attributes: { ...messaging, "messaging.operation.type": "send" } },
        within(request),
      );
      const run = tracer.startSpan(
        "process reviews",
        {
          kind: SpanKind.CONSUMER,
          attributes: {
            ...messaging,
            "messaging.operation.type": "process",
            "messaging.message.id": id,
            "bullmq.job.attempts": 1,
            "prodlike.job.wait_ms": 3.25 + job,
            "prodlike.job.run_ms": 81.5 + job,
            "prodlike.job.cpu_ms": 61.125,
            "prodlike.job.gc_ms": 2.5,
            "prodlike.job.idle_ms": 14.75,
          },
        },
        within(add),
      );
      for (const stage of ["fetch", "diff", "lint", "report"]) {
        const attributes = {
          "review.files": job,
          "review.base": `HEAD~${job}`,
          "review.path": `src/${stage}/"quoted".ts`,
        };
        const span = tracer.startSpan(stage, { attributes }, within(run));
        if (stage === "lint") span.addEvent("finding", { rule: "no-unused-vars", line: job });
        span.end();
      }
      run.setStatus({ code: SpanStatusCode.OK });
      for (const span of [run, add, request]) span.end();
    }
    const finished = exporter.getFinishedSpans().slice(0, spans);
    exporter.reset();
    batches.push({
      json: Buffer.from(JsonTraceSerializer.serializeRequest(finished)!),
      protobuf: Buffer.from(ProtobufTraceSerializer.serializeRequest(finished)!),
    });
  }
  await provider.shutdown();
  return batches;
}
