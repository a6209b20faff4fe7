import assert from "node:assert/strict";
import type { Check } from "../src/verify/checks.ts";
import type { Verification } from "../src/verify/verify.ts";
import type { Ran } from "./checkout.ts";

/** What verify printed with JSON=1. */
export const json = ({ stdout }: Ran): Verification => JSON.parse(stdout);

export const failures = (result: Verification) => result.checks.filter(({ ok }) => !ok);

/** The failed check of that name. */
export const failure = (result: Verification, name: string): Check => {
  const found = failures(result).find((check) => check.name === name);
  assert.ok(found, `no failed check "${name}" in ${JSON.stringify(result.checks, null, 1)}`);
  return found;
};

interface Break {
  what: string;
  environment: Record<string, string>;
  /** What verify has to say, by the name of the check that fails. */
  seen: Record<string, RegExp>;
  warned?: RegExp;
}

/** Ways to break a stack, each a real one, and what verify says of them. */
export const breaks: Break[] = [
  {
    what: "OTEL_ENABLED is off in the worker",
    environment: { WORKER_ENV: "OTEL_ENABLED=false" },
    seen: { "spans of prodlike-worker": /none arrived: the worker runs with OTEL_ENABLED=false/ },
    warned: /^span accounting prodlike-worker: not measured: the worker runs with OTEL_ENABLED=false$/,
  },
  {
    what: "the worker sends to a wrong port",
    environment: { WORKER_ENV: "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9" },
    seen: { "spans of prodlike-worker": /none arrived: .*127\.0\.0\.1:9/ },
    warned: /^span accounting prodlike-worker: not measured: the worker sends to .*127\.0\.0\.1:9, not to/,
  },
  {
    what: "the worker loses its spans",
    environment: {
      WORKER_ENV: "OTEL_BSP_MAX_QUEUE_SIZE=1 OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:9/v1/traces",
    },
    seen: { "spans of prodlike-worker": /none arrived: .*127\.0\.0\.1:9/ },
    // One is under way, and tried again until that takes too long; one is queued.
    warned: /^spans lost prodlike-worker 4 of 6: queue full (4|3, export failed 1)$/,
  },
  {
    what: "no context is propagated",
    environment: { WORKER_ENV: "OTEL_PROPAGATORS=none" },
    seen: {
      "one trace": /expected one trace id.*carried no trace context.*OTEL_PROPAGATORS=none/,
      "API -> queue -> worker": /./,
    },
  },
  {
    what: "the job fails",
    environment: { WORKER_ENV: "PATH=/nonexistent" },
    seen: { "job completed": /expected "completed", .* failed: .*git/ },
  },
];
