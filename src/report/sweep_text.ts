import type { StepThroughput } from "../analysis/knee.ts";
import { showMs, showNumber, showShare } from "../figures.ts";
import type { TerminalOptions } from "./terminal.ts";

/** What a step of a sweep showed besides its throughput. */
export interface SweepRow {
  concurrency: number;
  /** Absent: too few jobs. */
  throughput?: StepThroughput;
  run: string;
  jobs: number;
  failed: number;
  p95Ms: number;
  /** Share of the jobs' run in which others kept the thread; absent where it was not measured. */
  blocked?: number;
  /** The most that the worker's processes had, MB. */
  memoryMb?: number;
}

/** A sweep as a table, a step a line. */
export function renderSweep(rows: readonly SweepRow[], { paint }: Pick<TerminalOptions, "paint">): string {
  const head = ["slots", "jobs/s", "95 %", "p95", "blocked", "memory", "failed", "run"];
  const table = rows.map((row) => [
    showNumber(row.concurrency),
    row.throughput ? showNumber(row.throughput.perSecond) : "not measured",
    row.throughput ? `${showNumber(row.throughput.from)}-${showNumber(row.throughput.until)}` : "",
    Number.isNaN(row.p95Ms) ? "not measured" : showMs(row.p95Ms),
    row.blocked === undefined ? "not measured" : showShare(row.blocked),
    row.memoryMb === undefined ? "not measured" : `${showNumber(row.memoryMb)} MB`,
    showNumber(row.failed),
    row.run,
  ]);
  const widths = head.map((name, column) => Math.max(name.length, ...table.map((cells) => cells[column]!.length)));
  const line = (cells: string[]) => cells.map((cell, column) => cell.padStart(widths[column]!)).join("  ");
  return [paint("dim", line(head)), ...table.map(line)].join("\n");
}
