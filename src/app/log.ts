import { type Logger, pino } from "pino";
import { LogOutput } from "./log_output.ts";

export type Log = Logger;

/** A log of JSON lines on standard output. Nothing with a password is ever handed to it: no URL of a queue store, no environment. */
export function createLog(name: string): Log {
  // Not Pino's own: after the first line that a full disk refuses it keeps all that follow, and tries without a pause.
  const output = new LogOutput(1, (dropped, why) => {
    const msg = `${dropped} lines of this log were dropped: they could not be written (${why})`;
    return `${JSON.stringify({ level: "warn", time: Date.now(), pid: process.pid, name, dropped, msg })}\n`;
  });
  return pino({ name, formatters: { level: (level) => ({ level }) } }, output);
}
