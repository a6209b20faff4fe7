import { test } from "node:test";
import { SpanKind, trace } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-node";
import { MESSAGING_MESSAGE_ID } from "../src/telemetry/names.ts";
import type { Library } from "./run_jobs.ts";

/** Registers a test with each of these. */
export function testWith(libraries: Library[], what: string, run: (library: Library) => Promise<void>): void {
  for (const library of libraries) {
    test(`${what} (${library.name})`, { skip: library.skip ?? false }, () => run(library));
  }
}

export function ofKind(spans: ReadableSpan[], kind: SpanKind): ReadableSpan[] {
  return spans.filter((span) => span.kind === kind);
}

export function traceOf(span?: ReadableSpan): string | undefined {
  return span?.spanContext().traceId;
}

/** The job spans of a job, one an attempt. */
export function consumersOf(spans: ReadableSpan[], id: string): ReadableSpan[] {
  return ofKind(spans, SpanKind.CONSUMER).filter(({ attributes }) => attributes[MESSAGING_MESSAGE_ID] === id);
}

/** Runs what an API does for one request. */
export function request(run: () => Promise<unknown>): Promise<void> {
  return trace.getTracer("test").startActiveSpan("request", async (span) => {
    await run();
    span.end();
  });
}
