import { EXIT } from "../src/terminal.ts";
import { UserError } from "../src/user_error.ts";

/**
 * Says on stderr why a benchmark could not be tried, and what to do.
 *
 * @throws what is no `UserError`
 */
export function explain(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`error: ${error.message}\n${error.next ? `next:  ${error.next}\n` : ""}`);
  process.exitCode = EXIT.couldNotTry;
}
