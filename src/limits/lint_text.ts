import type { Paint } from "../terminal.ts";
import type { Finding } from "./lint.ts";

/** A block a finding, for people who asked for it. */
export function findingBlock({ rule, subject, figures, why, set, where }: Finding, paint: Paint): string[] {
  const rows: [string, string | undefined][] = [
    ["who", subject],
    ["where", where],
    ["why", why],
    ["set", set],
  ];
  return [
    `${paint("red", "✘")} ${paint("bold", rule)}  ${figures}`,
    ...rows.flatMap(([name, text]) => (text ? [`    ${name.padEnd(6)} ${text}`] : [])),
  ];
}

/** Two lines a finding, for people who asked for something else. */
export function findingWarning({ rule, figures, set }: Finding, paint: Paint): string[] {
  return [`${paint("yellow", "!")} ${rule.padEnd(26)} ${figures}`, `  ${"".padEnd(26)} next: ${set}`];
}
