import type { FlameNode, JobTrace } from "../src/analysis/report.ts";
import type { Attempt } from "./example_jobs.ts";

/** The trace of an attempt: request, enqueue, job, and stages with calls below it. */
export function jobTrace(attempt: Attempt, { why, random }: { why: string; random: () => number }): JobTrace {
  const { job, spanId, totalMs, parts } = attempt;
  const wait = parts.wait ?? 0;
  const runMs = totalMs - wait;
  const spans: JobTrace["spans"] = [];
  const add = (
    name: string,
    parentSpanId: string,
    startMs: number,
    durationMs: number,
    rest: Partial<JobTrace["spans"][number]> = {},
  ) => {
    const id = rest.spanId ?? `${spanId.slice(0, 12)}${(spans.length + 16).toString(16).padStart(4, "0")}`;
    spans.push({
      spanId: id,
      parentSpanId,
      name,
      service: "prodlike-worker",
      kind: 1,
      startMs,
      durationMs,
      failed: false,
      ...rest,
    });
    return id;
  };
  const request = add("POST /jobs", "", 0, 9, { service: "prodlike-api", kind: 2, cpuMs: 1.8 });
  const enqueue = add("reviews add", request, 3, 5, { service: "prodlike-api", kind: 4, cpuMs: 0.6 });
  add(`reviews process ${job}`, enqueue, wait, runMs, {
    spanId,
    kind: 5,
    cpuMs: (parts.cpu ?? 0) * 0.05,
    failed: attempt.failed,
  });
  const read = add("read the diff", spanId, wait + 2, runMs * 0.3);
  for (let index = 0; index < 6; index++) {
    add("git show", read, wait + 3 + runMs * 0.05 * index, runMs * 0.045, { kind: 3, cpuMs: 0.3 });
  }
  const lint = add("lint", spanId, wait + runMs * 0.32, runMs * 0.6, { cpuMs: (parts.cpu ?? 0) * 0.9 });
  for (let index = 0; index < 8; index++) {
    add(`lint src/file_${index}.ts`, lint, wait + runMs * (0.33 + 0.07 * index), runMs * (0.03 + 0.04 * random()), {
      cpuMs: runMs * 0.02,
    });
  }
  add("PUT api.example.com", spanId, wait + runMs * 0.94, runMs * 0.05, { kind: 3 });
  return { traceId: spanId.padStart(32, "5"), spanId, job, why, totalMs, parts, spans };
}

/** A tree of some 1,500 functions whose times add up. */
export function flame(job: string, random: () => number): FlameNode {
  const files = [
    "/app/src/review/lint_sources.ts",
    "/app/node_modules/eslint/lib/linter/linter.js",
    "/app/node_modules/espree/dist/espree.js",
    "node:internal/streams/readable",
    "",
  ];
  const names = [
    "lintSource",
    "verify",
    "parse",
    "runRules",
    "traverse",
    "readToken",
    "finishNode",
    "getScope",
    "enterNode",
    "next",
  ];
  const grow = (name: string, totalMs: number, depth: number): FlameNode => {
    const children: FlameNode[] = [];
    let rest = totalMs * (depth === 0 ? 1 : 0.92);
    for (let index = 0; index < 4 && depth < 14 && rest > 8; index++) {
      const part = rest * (0.35 + random() * 0.45);
      children.push(grow(names[Math.floor(random() * names.length)]!, part, depth + 1));
      rest -= part;
    }
    const selfMs = totalMs - children.reduce((sum, child) => sum + child.totalMs, 0);
    return {
      name,
      file: files[Math.min(files.length - 1, Math.floor(random() * (1 + depth)))]!,
      line: 1 + Math.floor(random() * 900),
      totalMs,
      selfMs,
      children,
    };
  };
  return { ...grow(job, 12_000, 0), file: "", line: 0 };
}
