import { type Logger, pino } from "pino";

export type Log = Logger;

/** A log of JSON lines on standard output. Nothing with a password is ever handed to it: no URL of a queue store, no environment. */
export function createLog(name: string): Log {
  return pino({ name, formatters: { level: (level) => ({ level }) } });
}
