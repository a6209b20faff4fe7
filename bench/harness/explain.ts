import { explain as explainAs, painter } from "../../src/terminal/terminal.ts";
import { UserError } from "../../src/terminal/user_error.ts";

/**
 * Says on stderr why a benchmark could not be tried, and what to do.
 *
 * @throws what is no `UserError`
 */
export function explain(error: unknown): void {
  if (!(error instanceof UserError)) throw error;
  const say = (line = "") => void process.stderr.write(`${line}\n`);
  process.exitCode = explainAs(error, { say, print: say, paint: painter(false) }).code;
}
