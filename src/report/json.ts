import type { Report } from "../analysis/report.ts";

/** A report as docs/report.schema.json describes it, on one line; texts as they were recorded. */
export function renderJson(report: Report): string {
  return `${JSON.stringify(report)}\n`;
}
