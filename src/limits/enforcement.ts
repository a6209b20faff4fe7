import { showBytes, showCpus } from "../figures.ts";
import type { WorkerFacts } from "../otlp/read_worker_facts.ts";
import type { Limits } from "../settings/limits.ts";
import { shown } from "../terminal/visible_text.ts";

/** One limit: what was asked for and what holds, as people read it. */
export interface Enforcement {
  limit: string;
  asked: string;
  /** What the machine has. */
  host?: string;
  /** As it was read back from what enforces it; what cannot be read there, as the worker sees it. */
  enforced: string;
  /** What enforces it; missing when nothing does. */
  by?: string;
  /** The same as the worker sees it from inside; missing where nothing enforces it. */
  inside?: string;
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
  /** The program that it is to run. */
  command: string;
  /** What it has sent of itself. */
  facts: Seen;
}

type Seen = Pick<WorkerFacts, "heapLimitBytes" | "cpuLimit" | "memoryLimitBytes" | "command"> | { notMeasured: string };

/** Every limit beside what holds. */
export function compareLimits(limits: Limits, { host, held, by, command, facts }: LimitedWorker): Enforcement[] {
  const [heap, program] = [seen(facts, "heapLimitBytes"), seen(facts, "command")];
  const enforced = (
    value: number | undefined,
    inside: number | { notMeasured: string },
    show: (value: number) => string,
  ) => {
    if (typeof by !== "string") return { enforced: `not enforced: ${by.nothing}` };
    const isSeen = typeof inside === "number";
    const holds = value ?? (isSeen ? inside : undefined);
    if (holds === undefined) return { enforced: `not enforced: ${by} shows no limit` };
    // The kernel rounds: to a page, to a part of its period.
    const isSame = isSeen && Math.abs(inside - holds) < 0.01 * holds;
    return {
      enforced: show(holds),
      by,
      inside: isSeen ? show(isSame ? holds : inside) : `not measured: ${inside.notMeasured}`,
    };
  };
  return [
    {
      limit: "cpus",
      asked: showCpus(limits.cpus),
      host: String(host.cpus),
      ...enforced(held.cpus, seen(facts, "cpuLimit"), showCpus),
      isBinding: limits.cpus <= host.cpus,
    },
    {
      limit: "memory",
      asked: showBytes(limits.memoryBytes),
      host: showBytes(host.memoryBytes),
      ...enforced(held.memoryBytes, seen(facts, "memoryLimitBytes"), showBytes),
      isBinding: limits.memoryBytes <= host.memoryBytes,
    },
    {
      limit: "heap",
      asked: `old space ${limits.oldSpaceMb} MB and 3 x semi space ${limits.semiSpaceMb} MB`,
      enforced:
        typeof heap === "number"
          ? `heap_size_limit ${Math.round(heap / 2 ** 20)} MB`
          : `not measured: ${heap.notMeasured}`,
      isBinding: true,
    },
    {
      limit: "command",
      asked: command,
      enforced: typeof program === "string" ? within(program, command) : `not measured: ${program.notMeasured}`,
      isBinding: true,
    },
  ];
}

/** One fact that the worker has sent, or why there is none. */
function seen<Name extends "heapLimitBytes" | "cpuLimit" | "memoryLimitBytes" | "command">(
  facts: Seen,
  name: Name,
): NonNullable<WorkerFacts[Name]> | { notMeasured: string } {
  if ("notMeasured" in facts) return facts;
  return facts[name] ?? { notMeasured: "the worker's telemetry does not tell it" };
}

/** A path as short as the one that was asked for, where it is that one. */
function within(path: string, asked: string): string {
  return path.endsWith(`/${asked}`) ? asked : path;
}

/** A line for each limit. */
export function enforcementTable(rows: Enforcement[]): string[] {
  return rows.map(({ limit, asked, host, enforced, isBinding, by, inside }) => {
    const seenInside = inside === undefined || inside === enforced ? "" : `, from inside ${inside}`;
    const holds = enforced.startsWith("not ") ? enforced : `enforced ${enforced}`;
    const parts = [`asked ${asked}`, ...(host ? [`host ${host}`] : []), holds];
    const line = `${parts.join(", ")}${isBinding ? "" : " (not binding)"}${by ? `, by ${by}` : ""}${seenInside}`;
    return `  ${limit.padEnd(10)} ${shown(line, 1_000)}`; // the worker names its program
  });
}
