import type { Role } from "../application/application.ts";
import { lostSpans, type SpanAccounting } from "../recording/span_counts.ts";
import type { Stack } from "../stack/stack.ts";

/** Something to know that disproves nothing. */
export interface Warning {
  name: string;
  detail: string;
  /** What to do about it. */
  next: string;
}

/** A line for each service that has lost spans or did not count them; none when all is well. */
export function accountingWarnings(
  accounting: SpanAccounting,
  names: Record<Role, string>,
  stack: Pick<Stack, "outputCommand">,
): Warning[] {
  const parts: Record<string, string> = { [names.api]: "api", [names.worker]: "worker" };
  const look = (service: string) =>
    parts[service] ? `${stack.outputCommand(parts[service])} | grep telemetry` : "look at its log";
  const uncounted = Object.entries(accounting).flatMap(([service, counts]) =>
    "notMeasured" in counts ? { service, reason: counts.notMeasured } : [],
  );
  return [
    ...uncounted.map(({ service, reason }) => ({
      name: "span accounting",
      detail: `${service}: not measured: ${reason}`,
      next: look(service),
    })),
    ...lostSpans(accounting).map(({ service, lost, created, causes: { queueFull, refused, failed } }) => {
      const shares = { "queue full": queueFull, "refused by the collector": refused, "export failed": failed };
      const causes = Object.entries(shares).filter(([, count]) => count > 0);
      return {
        name: "spans lost",
        detail: `${service} ${show(lost)} of ${show(created)}: ${causes.map(([why, of]) => `${why} ${show(of)}`).join(", ")}`,
        next: queueFull > 0 ? "raise OTEL_BSP_MAX_QUEUE_SIZE (default 2048)" : look(service),
      };
    }),
  ];
}

const show = (value: number) => value.toLocaleString("en-US");
