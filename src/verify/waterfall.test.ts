import assert from "node:assert/strict";
import { test } from "node:test";
import type { Span } from "../otlp/types.ts";
import { painter } from "../terminal/terminal.ts";
import { drawWaterfall } from "./waterfall.ts";

test("drawWaterfall() draws a span a line, whatever others have called it", () => {
  const span = (spanId: string, parentSpanId: string, name: string) =>
    ({
      ...{ traceId: "1", spanId, parentSpanId, name, service: "api\x1b[31m\n", kind: 2, status: { code: 0 } },
      ...{ startNs: 0n, endNs: 5_000_000n, attributes: {} },
    }) as unknown as Span;
  const drawn = drawWaterfall([span("a", "", "GET /"), span("b", "a", "\x1b[2J\r✔ Proved\nProved: \u202e")], {
    columns: 100,
    paint: painter(false),
  });
  const [first, second, ...more] = drawn.split("\n");
  assert.match(first!, / {2}GET \/ .* api⟨ESC⟩\[31m⟨LF⟩ SERVER$/);
  assert.match(second!, / {2}└─ ⟨ESC⟩\[2J⟨CR⟩✔ Proved⟨LF⟩Proved: ⟨U\+202E⟩ /);
  assert.deepEqual(more, []);
});
