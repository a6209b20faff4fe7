import type { Paint } from "../terminal/terminal.ts";
import { shown } from "../terminal/visible_text.ts";
import type { LimitFinding } from "./subject.ts";

/** A command of an application can be longer than anybody reads. */
const MAX_CHARACTERS = 1_000;

/** A block a finding, for people who asked for it. */
export function findingBlock({ rule, subject, figures, why, set, where }: LimitFinding, paint: Paint): string[] {
  const rows: [string, string | undefined][] = [
    ["who", subject],
    ["where", where],
    ["why", why],
    ["set", set],
  ];
  return [
    `${paint("red", "✘")} ${paint("bold", rule)}  ${shown(figures, MAX_CHARACTERS)}`,
    ...rows.flatMap(([name, text]) => (text ? [`    ${name.padEnd(6)} ${shown(text, MAX_CHARACTERS)}`] : [])),
  ];
}

/** Two lines a finding, for people who asked for something else. */
export function findingWarning({ rule, figures, set }: LimitFinding, paint: Paint): string[] {
  return [
    `${paint("yellow", "!")} ${rule.padEnd(26)} ${shown(figures, MAX_CHARACTERS)}`,
    `  ${"".padEnd(26)} next: ${shown(set, MAX_CHARACTERS)}`,
  ];
}
