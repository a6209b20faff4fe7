import { showBytes, showCpus } from "../figures.ts";
import type { Limits } from "../settings/limits.ts";
import { shown } from "../terminal/visible_text.ts";

/** One limit: what was asked for and what holds, as people read it. */
export interface Enforcement {
  limit: string;
  asked: string;
  /** What the machine has. */
  host?: string;
  /** As it was read back from what enforces it. */
  enforced: string;
  /** What enforces it; missing when nothing does. */
  by?: string;
  /** Whether the worker meets this limit before it meets the machine's end. */
  isBinding: boolean;
}

/** What is known of the worker that runs under limits. */
export interface LimitedWorker {
  /** What the machine has. */
  host: { cpus: number; memoryBytes: number };
  /** As they were read back; `undefined`: there is none. */
  held: { cpus: number | undefined; memoryBytes: number | undefined };
  /** What enforces them, or why nothing does. */
  by: string | { nothing: string };
  /** What the worker has printed. */
  output: string;
}

/** Every limit beside what holds. */
export function compareLimits(limits: Limits, { host, held, by, output }: LimitedWorker): Enforcement[] {
  const enforced = (value: number | undefined, show: (value: number) => string) => {
    if (typeof by !== "string") return { enforced: `not enforced: ${by.nothing}` };
    if (value === undefined) return { enforced: `not enforced: ${by} shows no limit` };
    return { enforced: show(value), by };
  };
  const { heapSizeLimitBytes, entry } = readyLine(output);
  return [
    {
      limit: "cpus",
      asked: showCpus(limits.cpus),
      host: String(host.cpus),
      ...enforced(held.cpus, showCpus),
      isBinding: limits.cpus <= host.cpus,
    },
    {
      limit: "memory",
      asked: showBytes(limits.memoryBytes),
      host: showBytes(host.memoryBytes),
      ...enforced(held.memoryBytes, showBytes),
      isBinding: limits.memoryBytes <= host.memoryBytes,
    },
    {
      limit: "heap",
      asked: `old space ${limits.oldSpaceMb} MB and 3 x semi space ${limits.semiSpaceMb} MB`,
      enforced: heapSizeLimitBytes ? `heap_size_limit ${Math.round(heapSizeLimitBytes / 2 ** 20)} MB` : UNKNOWN,
      isBinding: true,
    },
    { limit: "command", asked: "dist/worker.js", enforced: entry ?? UNKNOWN, isBinding: true },
  ];
}

const UNKNOWN = "not measured: the worker did not print it";

/** What the worker says of itself when it is ready, last; a line that is cut off or made up says nothing. */
function readyLine(output: string): { heapSizeLimitBytes?: number; entry?: string } {
  const line = output.split("\n").findLast((each) => each.startsWith("{") && each.includes('"msg":"ready"'));
  try {
    const { heapSizeLimitBytes, entry } = JSON.parse(line ?? "{}");
    return {
      ...(typeof heapSizeLimitBytes === "number" ? { heapSizeLimitBytes } : {}),
      ...(typeof entry === "string" ? { entry } : {}),
    };
  } catch {
    return {};
  }
}

/** A line for each limit. */
export function enforcementTable(rows: Enforcement[]): string[] {
  return rows.map(({ limit, asked, host, enforced, isBinding, by }) => {
    const holds = enforced.startsWith("not ") ? enforced : `enforced ${enforced}`;
    const parts = [`asked ${asked}`, ...(host ? [`host ${host}`] : []), holds];
    const line = `${parts.join(", ")}${isBinding ? "" : " (not binding)"}${by ? `, by ${by}` : ""}`;
    return `  ${limit.padEnd(10)} ${shown(line, 1_000)}`; // the worker names its entry
  });
}
