import assert from "node:assert/strict";
import { test } from "node:test";
import type { Span } from "../otlp/types.ts";
import { ledgerLine } from "./ledger_line.ts";

const parts = {
  run: 100.4,
  cpu: 60,
  gc: 5,
  blocked: 10,
  blocked_max: 10.2,
  overlapped: 15,
  idle: 10,
  unexplained: 0.2,
};
const attributes = Object.fromEntries(Object.entries(parts).map(([part, ms]) => [`prodlike.job.${part}_ms`, ms]));
const line = (more: Record<string, number>) =>
  ledgerLine({ attributes: { ...attributes, ...more } } as unknown as Span);

test("ledgerLine() names each part, what is estimated, and both ends of what is not seen", () => {
  assert.equal(
    line({ "prodlike.job.wait_ms": 3 }),
    "job: waited 3 ms, then ran 100 ms: cpu 60, garbage 5, blocked 10, overlapped 15, idle 10, unexplained 0",
  );
  assert.equal(
    line({ "prodlike.job.throttled_ms": 7, "prodlike.job.blocked_max_ms": 21 }),
    "job: ran 100 ms: cpu 60, garbage 5, throttled about 7, blocked 10 to 21, overlapped 15, idle 10, unexplained 0",
  );
});

test("ledgerLine() says nothing where nothing was measured, as on Deno", () => {
  assert.equal(ledgerLine({ attributes: { "prodlike.job.run_ms": 5 } } as unknown as Span), "");
});
