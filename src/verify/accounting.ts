import type { Role } from "../application/application.ts";
import type { SpanAccounting } from "../recording/span_counts.ts";
import type { Stack } from "../stack/stack.ts";

/** Something to know that disproves nothing. */
export interface Warning {
  name: string;
  detail: string;
  /** What to do about it. */
  next: string;
}

/** A line for each service that has lost spans or did not count them; none when all is well. */
export function accountingWarnings(accounting: SpanAccounting, names: Record<Role, string>, stack: Stack): Warning[] {
  return Object.entries(accounting).flatMap(([service, counts]) => {
    const part = { [names.api]: "api", [names.worker]: "worker" }[service];
    const look = part ? `${stack.outputCommand(part)} | grep telemetry` : "look at its log";
    if ("notMeasured" in counts) {
      return { name: "span accounting", detail: `${service}: not measured: ${counts.notMeasured}`, next: look };
    }
    const { created, queueFull, refused, failed } = counts;
    const lost = { "queue full": queueFull, "refused by the collector": refused, "export failed": failed };
    const causes = Object.entries(lost).filter(([, count]) => count > 0);
    if (causes.length === 0) return [];
    const total = count(queueFull + refused + failed);
    const detail = `${service} ${total} of ${count(created)}: ${causes.map(([why, of]) => `${why} ${count(of)}`).join(", ")}`;
    const next = queueFull > 0 ? "raise OTEL_BSP_MAX_QUEUE_SIZE (default 2048)" : look;
    return { name: "spans lost", detail, next };
  });
}

const count = (value: number) => value.toLocaleString("en-US");
