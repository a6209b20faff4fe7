import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { UserError } from "../terminal/user_error.ts";

/**
 * Asks a question that is answered by y or n; anything but y is n.
 *
 * @throws {UserError} when nobody is there to answer
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UserError(`Cannot ask "${question}": there is no terminal`, { next: "add YES=1" });
  // Not as a terminal of its own, which would keep Ctrl-C for itself.
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const ended = once(lines, "close").then(() => "");
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
