import { createInterface } from "node:readline/promises";
import { UserError } from "../user_error.ts";

/**
 * Asks a question that is answered by y or n; anything but y is n.
 *
 * @throws {UserError} when nobody is there to answer
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UserError(`Cannot ask "${question}": there is no terminal`, { next: "add YES=1" });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    terminal.close();
  }
}
