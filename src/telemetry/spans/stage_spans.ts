import type { Tracer } from "@opentelemetry/api";
import type { RunStage } from "../stages.ts";
import { recordError } from "./errors.ts";

/** What `stages.ts` offers the application, on a tracer. */
export function createStages(tracer: Tracer): RunStage {
  return (name, run) =>
    tracer.startActiveSpan(name, async (span) => {
      try {
        return await run({ set: (attributes) => void span.setAttributes(attributes) });
      } catch (error) {
        recordError(span, error);
        throw error;
      } finally {
        span.end();
      }
    });
}
