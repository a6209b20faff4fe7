import type { Criterion } from "./exemplars.ts";
import type { Facts } from "./facts.ts";
import type { Finding, JobTrace } from "./report.ts";

/** Waterfalls in one report. */
const MOST_TRACES = 40;

const WHY: Record<Criterion, string> = {
  slowest: "slowest of",
  wait: "longest wait of",
  cpu: "most CPU of",
  gc: "most garbage collection of",
  throttled: "most throttled of",
  blocked: "longest blocked of",
  overlapped: "most overlapped of",
  idle: "most idle of",
  unexplained: "least explained of",
  store: "longest in the queue store of",
  request: "slowest request of",
  enqueue: "slowest enqueue of",
  failed: "slowest failure of",
  repeated: "most repeated calls of",
  call: "longest call of",
};

/** The slowest job of each type, and what the findings point to. */
export function chooseTraces(types: Facts["types"], findings: readonly Finding[]): JobTrace[] {
  const wanted = new Set(
    findings.flatMap(({ evidence }) => evidence.flatMap((each) => (each.kind === "span" ? each.traceId : []))),
  );
  const chosen = new Map<string, JobTrace>();
  for (const [name, type] of types) {
    for (const [criterion, trace] of type.exemplars.all()) {
      if (criterion !== "slowest" && !wanted.has(trace.traceId)) continue;
      const why = `${WHY[criterion]} ${name}`;
      const other = chosen.get(trace.spanId);
      if (other) other.why += `, ${why}`;
      else if (chosen.size < MOST_TRACES) chosen.set(trace.spanId, { ...trace, job: name, why });
    }
  }
  return [...chosen.values()];
}
