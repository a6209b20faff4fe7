import { writeSync } from "node:fs";
import type { DiagLogger } from "@opentelemetry/api";

/** Between two lines of the same text, in ms. */
const PAUSE_MS = 60_000;

/**
 * Prints a line to stderr, or nothing when nobody reads there any more: `process.stderr` would report that by an event, which
 * ends a process that does not listen for it.
 */
export function say(line: string): void {
  try {
    writeSync(2, `${line}\n`);
  } catch {
    // The one place where it could be said is closed, or full.
  }
}

/**
 * A diagnostics logger that prints one line to stderr for each kind of problem and then at most one a minute with the
 * number of times it happened: a collector that is away must not fill the application's log.
 */
export function onceAMinute(write: (line: string) => void = say): DiagLogger {
  const seen = new Map<string, { atMs: number; hidden: number }>();
  const logger =
    (level: string) =>
    (message: string, ...details: unknown[]) => {
      const text = summary(message, details);
      const before = seen.get(text);
      if (before && performance.now() - before.atMs < PAUSE_MS) {
        before.hidden++;
        return;
      }
      if (seen.size > 100) seen.clear();
      seen.set(text, { atMs: performance.now(), hidden: 0 });
      write(`telemetry ${level}: ${text}${before?.hidden ? ` (and ${before.hidden} times more)` : ""}`);
    };
  const silent = () => {};
  return { error: logger("error"), warn: logger("warning"), info: silent, debug: silent, verbose: silent };
}

function summary(message: string, details: unknown[]): string {
  let text = [message, ...details.map((detail) => (detail instanceof Error ? detail.message : String(detail)))].join(
    " ",
  );
  try {
    // The SDK reports an export that failed as a JSON object with a stack.
    const { name, message, code, errors } = JSON.parse(text);
    text = [name, message || errors, code].filter(Boolean).join(": ");
  } catch {
    // Plain text.
  }
  return text.split("\n", 1)[0]!.slice(0, 500);
}
