import type { Outcome, Report } from "../analysis/report.ts";
import type { Paint } from "../terminal/terminal.ts";
import { shown } from "../terminal/visible_text.ts";

const WORDS: Record<Outcome["outcome"], string> = {
  passed: "Passed",
  failed: "Failed",
  "nothing can be said": "Nothing can be said",
};
const MOST = 2;

/** An outcome with its reasons, a line each: the first line says all that has to be known. */
export function outcomeLines({ outcome, reasons }: Outcome): [first: string, ...others: string[]] {
  const [first = "", ...others] = reasons.map((reason) => shown(reason, 500));
  const left = others.length - MOST;
  return [
    first === "" ? WORDS[outcome] : `${WORDS[outcome]}: ${first}`,
    ...others.slice(0, MOST).map((reason) => `  also: ${reason}`),
    ...(left > 0 ? [`  and ${left} more`] : []),
  ];
}

/** What a page says in its title, and below: the verdict of a run that passed, else why it did not. */
export function titleOf(report: Report): { title: string; lines: string[] } {
  const [outcome, ...others] = outcomeLines(report);
  if (report.outcome === "passed") return { title: report.verdict, lines: [outcome] };
  const verdict = isRepeated(report.verdict, report) ? [] : [`of what was measured: ${report.verdict}`];
  return { title: outcome, lines: [...others.map((line) => line.trim()), ...verdict] };
}

/** Whether a text, as a verdict, only repeats a reason of the outcome. */
export function isRepeated(text: string, { reasons }: Outcome): boolean {
  return reasons.some((reason) => text === reason || text === `${WORDS["nothing can be said"]}: ${reason}`);
}

/** The exit code that each outcome is. */
export const OUTCOME_CODE = { passed: 0, failed: 1, "nothing can be said": 2 } as const;

const STYLES = { passed: "green", failed: "red", "nothing can be said": "yellow" } as const;

/** The same for a terminal. Lines are not cut or folded: a program may look for the first one. */
export function renderOutcome(outcome: Outcome, { paint }: { paint: Paint }): string {
  return outcomeLines(outcome)
    .map((line) => paint(STYLES[outcome.outcome], line))
    .join("\n");
}
